"""Imports that meet a fault, another push or an edit between two of their steps."""

from __future__ import annotations

from contextlib import suppress

import pytest

from django_resend.client import Client, errors
from django_resend.models import Contact, ContactImport, OutboxEntry, Segment, SyncRun
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.sync.push.bulk import run
from django_resend.testing import FakeResend

from .bulk import IMPORT, POLL, calls, in_step
from .helpers import Throttle, client_of, later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sleeps", "imports_from_three"),
]


class Killed(BaseException):
    """Stands for a process that ends at once."""


def die() -> None:
    raise Killed


def begin(fake: FakeResend, *, seconds: int) -> None:
    """Send an import of four newcomers that takes so long, and leave it to the next push."""
    fake.quirks["import_seconds"] = seconds
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(4))
    push_outbox(seconds=60)
    assert ContactImport.objects.get().state == "sent"


@pytest.fixture
def under_way(resend_fake: FakeResend) -> FakeResend:
    begin(resend_fake, seconds=30)
    return resend_fake


def last_run() -> SyncRun:
    run: SyncRun = SyncRun.objects.latest("pk")
    return run


def finished(fake: FakeResend) -> bool:
    """Later the import is settled, and nothing was sent a second time."""
    with later(hours=3):
        made = calls(fake, push_outbox)
    assert IMPORT not in made
    assert "POST /contacts" not in made
    return in_step(fake)


def test_a_fault_that_passes_leaves_the_import_to_the_next_push(under_way: FakeResend) -> None:
    under_way.faults.add("status", status=500, route=POLL, times=5)
    with later(minutes=1):
        report = push_outbox(seconds=60)

    assert report.look_again is not None
    assert last_run().state == SyncRun.State.DONE
    assert OutboxEntry.objects.count() == 4
    assert finished(under_way)


def test_a_key_that_is_refused_ends_the_push_and_loses_no_import(under_way: FakeResend) -> None:
    under_way.faults.add("status", status=401, name="restricted_api_key", route=POLL)
    with later(minutes=1), pytest.raises(errors.AccessRefused):
        push_outbox(seconds=60)

    assert last_run().state == SyncRun.State.FAILED
    assert finished(under_way)


def test_a_network_that_is_down_ends_the_push_and_loses_no_import(under_way: FakeResend) -> None:
    nobody_listens = Client("re_test", base_url="http://127.0.0.1:9")
    with later(minutes=1), pytest.raises(errors.Unreachable):
        push_outbox(seconds=60, client=nobody_listens)

    assert last_run().state == SyncRun.State.FAILED
    assert finished(under_way)


def test_a_push_killed_while_it_looks_for_a_lost_answer_sends_no_second_import(
    resend_fake: FakeResend,
) -> None:
    resend_fake.faults.add("status", status=500, after_effect=True, route=IMPORT)
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(4))
    with suppress(Killed):
        push_outbox(client=client_of(resend_fake, Throttle(2, die)))
    assert ContactImport.objects.get().state == "sending"

    assert finished(resend_fake)


def test_of_two_pushes_that_find_the_same_import_left_over_one_cares_for_it(
    resend_fake: FakeResend, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(resend_fake, seconds=7200)
    left_open, looks, others = run.left_open, iter(("whether", "which")), []

    def found_by_another_too() -> list[ContactImport]:
        found = left_open()
        if next(looks, None) == "which":
            others.append(push_outbox(seconds=60))
        return found

    with later(hours=1), monkeypatch.context() as patched:
        patched.setattr(run, "left_open", found_by_another_too)
        report = push_outbox(seconds=60)

    assert (report.calls, report.look_again) == (0, None)
    assert [other.look_again is None for other in others] == [False]
    assert finished(resend_fake)


def edited(fake: FakeResend, count: int) -> dict[str, int]:
    """The calls of a push whose second file is written just after so many of its contacts changed.

    Seven contacts, of whom three come into a segment.
    """
    fake.quirks["import_seconds"] = 30
    fake.dashboard.create_segment("VIP")
    pull_all()
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(7))
    Segment.objects.get().contacts.add(*Contact.objects.order_by("pk")[:3])

    def edit() -> None:
        second = ContactImport.objects.latest("pk").entries.order_by("pk")[:count]
        for pk in list(second.values_list("contact_id", flat=True)):
            contact = Contact.objects.get(pk=pk)
            contact.first_name = "Edited"
            contact.save()

    client = client_of(fake, Throttle(1, edit))
    return calls(fake, lambda: push_outbox(seconds=60, client=client))


def test_who_is_edited_before_the_file_is_written_goes_the_single_way(
    resend_fake: FakeResend,
) -> None:
    made = edited(resend_fake, 1)

    assert made == {IMPORT: 2, "GET /contacts/{id}": 1, "POST /contacts": 1}
    assert finished(resend_fake)
    assert Contact.objects.filter(first_name="Edited").count() == 1


def test_a_file_of_which_nobody_is_left_is_not_sent(resend_fake: FakeResend) -> None:
    made = edited(resend_fake, 4)

    assert made == {IMPORT: 1, "GET /contacts/{id}": 4, "POST /contacts": 4}
    assert ContactImport.objects.count() == 1
    assert finished(resend_fake)
    assert Contact.objects.filter(first_name="Edited").count() == 4


def test_an_import_leaves_the_remote_contact_to_whoever_has_its_address_here_now(
    under_way: FakeResend,
) -> None:
    contact = Contact.objects.get(email="p0@example.org")
    contact.email = "moved@example.org"
    contact.save()
    heir = Contact.objects.create(email="p0@example.org", first_name="Heir")
    with later(seconds=31):
        pull_all()
        heir.refresh_from_db()
        assert heir.remote_id
        push_outbox(seconds=60)
    with later(minutes=10):
        push_outbox()

    contact.refresh_from_db()
    heir.refresh_from_db()
    assert contact.remote_id != heir.remote_id
    there = {row["email"]: row["id"] for row in under_way.state()["contacts"]}
    assert there["p0@example.org"] == heir.remote_id
    assert there["moved@example.org"] == contact.remote_id
    assert in_step(under_way)
