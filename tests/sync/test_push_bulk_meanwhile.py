"""An import takes its time, and answers get lost: what happens meanwhile stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_resend.models import (
    Contact,
    ContactImport,
    ImportEntry,
    OutboxEntry,
    Segment,
    SyncRun,
    Topic,
)
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .bulk import IMPORT, POLL, calls, in_step, known
from .helpers import later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sleeps", "imports_from_three"),
]


def test_a_task_leaves_a_running_import_to_a_later_one(resend_fake: FakeResend) -> None:
    resend_fake.quirks["import_seconds"] = 100
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    first = push_outbox(seconds=60)

    assert (first.more, first.look_again) == (False, 2.0)
    assert first.calls_by_route == {IMPORT: 1}
    with later(seconds=20):
        second = push_outbox(seconds=60)
        assert second.calls_by_route == {POLL: 1}
        assert second.look_again == pytest.approx(10, abs=1)
    with later(seconds=101):
        third = push_outbox(seconds=60)
        assert (third.more, third.look_again, third.done) == (False, None, 5)
    assert in_step(resend_fake)


def test_a_task_whose_time_the_definitions_take_leaves_the_import_to_a_later_one(
    resend_fake: FakeResend,
) -> None:
    Segment.objects.create(name="VIP")
    Segment.objects.create(name="Friends")
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    first = push_outbox(seconds=0)

    assert (first.more, first.calls_by_route) == (True, {"POST /segments": 1})
    assert push_outbox().calls_by_route[IMPORT] == 1
    assert in_step(resend_fake)


def test_an_import_that_never_ends_is_given_up_and_loses_nothing(
    resend_fake: FakeResend,
) -> None:
    resend_fake.quirks["import_seconds"] = 10**6
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    made = calls(resend_fake, push_outbox)

    assert made["POST /contacts"] == 5
    assert in_step(resend_fake)


def test_lost_answers_make_no_second_import(resend_fake: FakeResend) -> None:
    resend_fake.faults.add("status", status=500, after_effect=True, route="POST /contacts/imports")
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    assert calls(resend_fake, push_outbox)[IMPORT] == 1
    assert in_step(resend_fake)


def test_an_import_that_did_not_arrive_is_sent_again(resend_fake: FakeResend) -> None:
    resend_fake.faults.add("status", status=500, route="POST /contacts/imports")
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    assert calls(resend_fake, push_outbox)[IMPORT] == 2
    assert in_step(resend_fake)


def test_with_a_strangers_import_at_that_moment_nothing_is_taken_for_proved(
    resend_fake: FakeResend,
) -> None:
    resend_fake.quirks["import_seconds"] = 5
    resend_fake.faults.add("status", status=500, after_effect=True, route="POST /contacts/imports")
    resend_fake.dashboard.import_csv("email\nstranger@example.org\nother@example.org\n")
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(2, 4))
    Contact.objects.create(email="stranger@example.org", first_name="Ada", unsubscribed=True)
    resend_fake.dashboard.import_csv("email\na@example.org\nb@example.org\nc@example.org\n")

    push_outbox()
    with later(minutes=1):
        pull_all()
        push_outbox()

    assert in_step(resend_fake)


@pytest.mark.parametrize("status", [403, 405])
def test_a_team_without_imports_is_told_once_and_asked_again_after_a_day(
    resend_fake: FakeResend, status: int
) -> None:
    def push_some(name: str) -> Any:
        resend_fake.faults.add(
            "status", status=status, name="invalid_permission", route="POST /contacts/imports"
        )
        Contact.objects.bulk_create(Contact(email=f"{name}{n}@example.org") for n in range(4))
        resend_fake.ledger.reset()
        report = push_outbox()
        resend_fake.faults.clear()
        return report

    first, second = push_some("a"), push_some("b")

    assert (first.done, second.done) == (4, 4)
    assert "no CSV imports" in first.notes[0]
    assert "no CSV imports" in SyncRun.objects.earliest("pk").message
    assert first.calls_by_route[IMPORT] == 1
    assert second.notes == []
    assert IMPORT not in second.calls_by_route
    assert differences(resend_fake) == []
    with later(days=1, minutes=1):
        Contact.objects.bulk_create(Contact(email=f"c{n}@example.org") for n in range(4))
        assert push_outbox().calls_by_route[IMPORT] == 1


def during_the_import(fake: FakeResend, act: Callable[[], object]) -> None:
    """Act while the import is under way at Resend, then let it end."""
    fake.quirks["import_seconds"] = 30
    push_outbox(seconds=60)
    act()
    with later(seconds=31):
        push_outbox(seconds=60)
        push_outbox()


def test_an_edit_during_the_import_outlives_it(resend_fake: FakeResend) -> None:
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    def edit() -> None:
        contact = Contact.objects.earliest("pk")
        contact.first_name, contact.unsubscribed = "Ada", True
        contact.save()
        assert push_outbox(seconds=60).done == 0

    during_the_import(resend_fake, edit)

    assert Contact.objects.earliest("pk").first_name == "Ada"
    assert in_step(resend_fake)


@pytest.mark.parametrize("known_there", [True, False])
def test_a_contact_deleted_during_its_import_is_deleted_there_if_the_import_made_it(
    resend_fake: FakeResend, known_there: bool
) -> None:
    if known_there:
        resend_fake.dashboard.create_contact("p0@example.org", unsubscribed=True)
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    during_the_import(resend_fake, lambda: Contact.objects.filter(email="p0@example.org").delete())

    assert len(resend_fake.state()["contacts"]) == (5 if known_there else 4)
    with later(minutes=10):
        pull_all()
        push_outbox()
    if known_there:
        assert Contact.objects.get(email="p0@example.org").unsubscribed
    assert in_step(resend_fake)


def test_an_address_given_to_another_during_the_import_is_not_deleted_there(
    resend_fake: FakeResend,
) -> None:
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    def replace() -> None:
        Contact.objects.get(email="p0@example.org").delete()
        Contact.objects.create(email="p0@example.org", first_name="Heir")
        push_outbox(seconds=60)

    during_the_import(resend_fake, replace)

    assert "p0@example.org" in {row["email"] for row in resend_fake.state()["contacts"]}
    assert in_step(resend_fake)


def test_an_address_changed_during_the_import_ends_as_one_contact(resend_fake: FakeResend) -> None:
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    def move() -> None:
        contact = Contact.objects.get(email="p0@example.org")
        contact.email = "moved@example.org"
        contact.save()

    during_the_import(resend_fake, move)
    with later(minutes=10):
        pull_all()
        push_outbox()

    addresses = {row["email"] for row in resend_fake.state()["contacts"]}
    assert addresses == {"moved@example.org", *(f"p{n}@example.org" for n in range(1, 5))}
    assert in_step(resend_fake)


def test_a_contact_deleted_here_before_its_change_arrives_does_not_come_back(
    resend_fake: FakeResend,
) -> None:
    people = known(resend_fake, 5, segments=["Friends", "More"])
    Segment.objects.get(name="Friends").contacts.set(people)
    Segment.objects.get(name="More").contacts.set([])
    push_outbox()
    Segment.objects.get(name="More").contacts.set(people)

    during_the_import(resend_fake, lambda: people[0].delete())

    assert len(resend_fake.state()["contacts"]) == 4
    assert in_step(resend_fake)


def test_a_contact_in_an_open_import_goes_into_no_other(resend_fake: FakeResend) -> None:
    people = known(resend_fake, 5)

    def forget_the_outbox() -> None:
        OutboxEntry.objects.all().delete()
        Contact.objects.filter(pk__in=[person.pk for person in people]).update(last_name="Later")
        assert IMPORT not in push_outbox(seconds=60).calls_by_route

    Contact.objects.update(first_name="Changed")
    during_the_import(resend_fake, forget_the_outbox)

    assert in_step(resend_fake)


def test_a_push_beside_another_leaves_its_imports_alone(resend_fake: FakeResend) -> None:
    resend_fake.quirks["import_seconds"] = 100
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))
    push_outbox(seconds=60)
    run = SyncRun.objects.create(action="push", owner=SyncRun.objects.latest("pk").owner)
    ContactImport.objects.update(run=run.pk)

    with later(minutes=2):
        assert push_outbox().calls == 0
    run.state = SyncRun.State.FAILED
    run.save()
    with later(minutes=2):
        assert push_outbox().done == 5
    assert in_step(resend_fake)


def test_an_address_changed_and_seen_by_a_pull_during_the_import_ends_as_one_contact(
    resend_fake: FakeResend,
) -> None:
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    def move() -> None:
        contact = Contact.objects.get(email="p0@example.org")
        contact.email = "moved@example.org"
        contact.save()
        with later(seconds=31):
            pull_all()

    during_the_import(resend_fake, move)
    with later(minutes=10):
        pull_all()
        push_outbox()

    assert not Contact.objects.filter(email="p0@example.org").exists()
    assert len(resend_fake.state()["contacts"]) == 5
    assert in_step(resend_fake)


def test_whom_a_move_replaced_is_deleted_there_also_if_the_rest_went_in_a_file(
    resend_fake: FakeResend,
) -> None:
    people = known(resend_fake, 5)
    resend_fake.dashboard.create_contact("taken@example.org")
    for person in people:
        person.first_name = "Changed"
        person.save()
    left, people[0].email = people[0].email, "taken@example.org"
    people[0].save()
    pull_all()

    made = calls(resend_fake, push_outbox)

    assert (made[IMPORT], made["DELETE /contacts/{id}"]) == (1, 1)
    assert left not in {row["email"] for row in resend_fake.state()["contacts"]}
    assert in_step(resend_fake)


@pytest.mark.parametrize("pulled", [True, False])
def test_whom_the_file_was_to_skip_is_not_brought_back_if_deleted_there_meanwhile(
    resend_fake: FakeResend, pulled: bool
) -> None:
    resend_fake.dashboard.create_contact("p0@example.org")
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    def delete() -> None:
        with later(seconds=1):
            pull_all()
            resend_fake.dashboard.delete_contact("p0@example.org")
        if pulled:
            with later(seconds=40):
                pull_all(allow_deletions=True)

    during_the_import(resend_fake, delete)
    with later(minutes=10):
        pull_all(allow_deletions=True)
        push_outbox()

    assert len(resend_fake.state()["contacts"]) == 4
    assert not Contact.objects.filter(email="p0@example.org").exists()
    assert in_step(resend_fake)


def test_an_explicit_opt_in_is_not_lost_to_a_pull_amid_the_import(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.create_topic("Digest", "opt_out")
    pull_all()
    digest = Topic.objects.get()
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(4))
    for contact in Contact.objects.all():
        contact.opt_in(digest, by="clerk", reason="asked on paper")
    resend_fake.quirks["import_seconds"] = 100
    push_outbox(seconds=60)
    assert ImportEntry.objects.count() == 4

    for minutes in (2, 30, 60):
        with later(minutes=minutes):
            pull_all()
            push_outbox(seconds=60)

    held = [contact["topics"] for contact in resend_fake.state()["contacts"]]
    assert held == [{digest.remote_id: "opt_in"}] * 4
