"""Drift: every difference is found, explained, and repaired on demand."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from django_resend.models import (
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)
from django_resend.sync.drift import find_drift, repair_drift
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import client_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(resend_fake: FakeResend) -> FakeResend:
    resend_fake.dashboard.seed(contacts=120, segments=["VIP", "All"], topics=1, properties=1)
    pull_all()
    return resend_fake


def found(**options: Any) -> list[tuple[str, str, str]]:
    report = find_drift(**options)
    return sorted((str(d.kind), d.field, d.cause.value) for d in report.differences)


def test_in_step_there_is_no_drift_and_nothing_is_written(site: FakeResend) -> None:
    report = find_drift(deep=True)
    assert (report.drift, report.waiting) == (0, 0)
    assert not OutboxEntry.objects.exists()


def test_each_remote_change_is_named(site: FakeResend) -> None:
    board, contacts = site.dashboard, list(Contact.objects.order_by("pk")[:4])
    board.edit_contact(contacts[0].email, first_name="Else")
    board.delete_contact(contacts[1].email)
    board.create_contact("new@example.org")
    vip = Segment.objects.get(name="VIP")
    outsider = Contact.objects.exclude(segments=vip).latest("pk")
    board.add_to_segment(outsider.email, "VIP")
    board.rename_segment("All", "Everybody")
    assert found() == [
        ("contact", "", "gone from Resend since the last pull"),
        ("contact", "", "new at Resend since the last pull"),
        ("contact", "first_name", "changed at Resend since the last pull"),
        *[
            ("membership", "", "changed at Resend since the last pull")
            for _ in range(1 + contacts[1].segments.count())
        ],
        ("segment", "name", "changed at Resend since the last pull"),
    ]


def test_pending_work_explains_a_difference(site: FakeResend) -> None:
    contact = Contact.objects.earliest("pk")
    contact.first_name = "Waiting"
    contact.save()
    contact.segments.set([])
    Segment.objects.create(name="New").contacts.add(contact)
    Contact.objects.create(email="new@example.org")
    Contact.objects.latest("pk").delete()
    report = find_drift()
    assert report.drift == 0
    assert report.waiting > 0


def test_changes_past_the_outbox_are_found_and_repaired(site: FakeResend) -> None:
    contact = Contact.objects.earliest("pk")
    Contact.untracked.filter(pk=contact.pk).update(first_name="Sneaky")
    Contact.untracked.bulk_create([Contact(email="raw@example.org", email_key="raw@example.org")])
    assert found() == [
        ("contact", "", "never sent to Resend"),
        ("contact", "first_name", "changed here past the outbox"),
    ]
    repair_drift()
    assert push_outbox().complete
    assert find_drift().drift == 0
    assert differences(site) == []


def test_a_refused_row_is_drift_with_its_reason(site: FakeResend) -> None:
    contact = Contact.objects.earliest("pk")
    contact.properties = {"unheard_of": "x"}
    contact.save()
    push_outbox()
    assert ("contact", "properties", "refused by Resend") in found(deep=True)


def test_deep_finds_properties_and_topics(site: FakeResend) -> None:
    topic, key = Topic.objects.get(), ContactProperty.objects.get().key
    first, second = Contact.objects.order_by("pk")[:2]
    choice = TopicSubscription.objects.get(contact=first).subscription
    other = {"opt_in": "opt_out", "opt_out": "opt_in"}[choice]
    site.dashboard.choose_topic(first.email, topic.name, other)
    site.dashboard.edit_contact(second.email, properties={key: "changed"})
    assert found() == []
    assert {kind for kind, _, _ in found(deep=True)} == {"contact", "topic choice"}
    repair_drift(deep=True)
    assert find_drift(deep=True).drift == 0


def test_a_sample_reads_few_contacts_whole(site: FakeResend) -> None:
    site.ledger.reset()
    assert find_drift(sample=10).drift == 0
    assert site.ledger.total <= 3 + 3 * 10
    for contact in Contact.objects.all():
        site.dashboard.edit_contact(contact.email, last_name="Moved")
    assert find_drift(sample=10).drift == 10


def test_the_command_speaks_and_exits_1_on_drift(site: FakeResend) -> None:
    call_command("resend_drift", no_progress=True, stdout=StringIO())
    site.dashboard.edit_contact(Contact.objects.earliest("pk").email, first_name="Else")
    out = StringIO()
    with pytest.raises(SystemExit) as exit:
        call_command("resend_drift", no_progress=True, stdout=out)
    assert exit.value.code == 1
    assert "changed at Resend since the last pull" in out.getvalue()
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("resend_drift", json=True, no_progress=True, repair=True, stdout=out)
    assert json.loads(out.getvalue())["drift"] == 1
    call_command("resend_drift", no_progress=True, stdout=StringIO())
    assert SegmentMembership.objects.exists()


def test_a_dry_run_makes_no_call(site: FakeResend) -> None:
    site.ledger.reset()
    call_command("resend_drift", deep=True, dry_run=True, stdout=StringIO())
    assert site.ledger.total == 0


def test_deletions_under_way_explain_what_resend_still_has(site: FakeResend) -> None:
    Contact.objects.earliest("pk").delete()
    Segment.objects.earliest("pk").delete()
    site.ledger.reset()
    assert find_drift(deep=True).drift == 0


def test_a_sample_larger_than_the_mirror_reads_each_contact_once(resend_fake: FakeResend) -> None:
    """And topics only where there are any."""
    resend_fake.dashboard.seed(contacts=3)
    pull_all()
    resend_fake.ledger.reset()
    assert find_drift(sample=50).drift == 0
    assert resend_fake.ledger.by_route["GET /contacts/{id}"] == 3
    assert "GET /contacts/{id}/topics" not in resend_fake.ledger.by_route


def test_more_differences_than_a_report_keeps_are_counted_all_the_same(
    site: FakeResend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_resend.sync.drift.run.KEPT", 3)
    for contact in Contact.objects.all()[:5]:
        site.dashboard.edit_contact(contact.email, first_name="Else")
    client = client_of(site)
    report = find_drift(client=client)
    assert (report.drift, len(report.differences)) == (5, 3)
    # A client that was lent stays open.
    assert client.contacts.page(None).rows
