"""How the mirror stands."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_resend.client import errors
from django_resend.models import Contact, OutboxEntry, Segment, SyncRun
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.sync.status import Refused, read_status
from django_resend.testing import FakeResend

pytestmark = pytest.mark.django_db


def test_a_new_mirror_is_empty_and_healthy() -> None:
    status = read_status()

    assert set(status.rows.values()) == {0}
    assert (status.waiting, status.refused, status.oldest_waiting) == (0, 0, None)
    assert status.runs == []
    assert status.healthy


def test_it_counts_what_the_mirror_holds_and_tells_the_last_run(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=20, segments=2, topics=1, properties=3)
    pull_all()
    pull_all()

    status = read_status()

    assert status.rows == {
        "contacts": 20,
        "segments": 2,
        "contact properties": 3,
        "topics": 1,
        "segment memberships": 20,
        "topic subscriptions": 20,
    }
    (run,) = status.runs
    assert (run.action, run.state) == ("pull", SyncRun.State.DONE)
    assert run.calls > 40
    assert run.finished_at is not None


def test_what_waits_is_counted_with_its_age() -> None:
    Contact.objects.create(email="ada@example.org")
    Segment.objects.create(name="Friends")

    status = read_status()

    assert status.waiting == 2
    assert status.oldest_waiting == OutboxEntry.objects.earliest("changed_at").changed_at
    assert status.healthy


def test_a_refused_row_shows_the_vendors_words(resend_fake: FakeResend) -> None:
    contact = Contact.objects.create(email="ada@example.org")
    body = {"statusCode": 422, "name": "validation_error", "message": "Not this one."}
    resend_fake.faults.add(status=422, body=body, route="POST /contacts")
    push_outbox()

    status = read_status()

    assert not status.healthy
    assert status.refused == 1
    assert status.refusals == [
        Refused("contact", contact.pk, 422, "validation_error", "Not this one.")
    ]


def test_a_failed_run_is_not_healthy(resend_fake: FakeResend) -> None:
    resend_fake.faults.add(status=401)
    with pytest.raises(errors.AccessRefused):
        pull_all()

    status = read_status()

    assert not status.healthy
    assert status.runs[0].state == SyncRun.State.FAILED
    assert "401" in status.runs[0].message


def test_many_refusals_cost_no_more_queries(resend_fake: FakeResend) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read_status()
        return len(captured)

    few = queries()
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(50))
    OutboxEntry.objects.update(state=OutboxEntry.State.REFUSED)

    assert queries() == few
    assert len(read_status().refusals) == 20
