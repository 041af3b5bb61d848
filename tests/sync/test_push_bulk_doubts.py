"""What the report of an import leaves in doubt is read back, or goes by single calls."""

from __future__ import annotations

from typing import Any

import pytest

from django_resend.models import (
    Contact,
    ContactImport,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend

from .bulk import IMPORT, POLL, calls, in_step, known
from .helpers import later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sleeps", "imports_from_three"),
]

CREATE, JOIN = "POST /contacts", "POST /contacts/{id}/segments/{segment_id}"
CHOOSE = "PATCH /contacts/{id}/topics"
LIST, MEMBERS, ONE_IMPORT = (
    "GET /contacts",
    "GET /segments/{id}/contacts",
    "GET /contacts/imports/{id}",
)


def newcomers(count: int, **fields: Any) -> None:
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org", **fields) for n in range(count))


def begin(fake: FakeResend) -> None:
    """Send the due contacts in an import that takes half a minute."""
    fake.quirks["import_seconds"] = 30
    assert push_outbox(seconds=60).calls_by_route[IMPORT] == 1


def end(fake: FakeResend) -> dict[str, int]:
    """The calls of a push after the import has ended, and of one more."""
    with later(seconds=31):
        return calls(fake, lambda: (push_outbox(seconds=60), push_outbox()))


def report(fake: FakeResend, **changes: Any) -> None:
    """What Resend tells of the import, once, with these changes; ``None`` leaves a field out."""
    job = ContactImport.objects.get()
    row = {
        "id": job.remote_id,
        "status": "completed",
        "created_at": fake.state()["contacts"][-1]["created_at"],
        "counts": {"total": job.rows, "created": 0, "updated": job.rows, "failed": 0},
    }
    told = {name: value for name, value in {**row, **changes}.items() if value is not None}
    fake.faults.add("status", status=200, route=POLL, body={"data": [told], "has_more": False})


def test_newcomers_who_are_all_at_resend_already_are_linked_one_by_one(
    resend_fake: FakeResend,
) -> None:
    for number in range(4):
        resend_fake.dashboard.create_contact(f"p{number}@example.org", unsubscribed=not number)
    newcomers(4, first_name="New")

    made = calls(resend_fake, push_outbox)

    assert made[IMPORT] == 1
    assert LIST not in made
    assert CREATE not in made
    assert made["PATCH /contacts/{id}"] == 4
    assert Contact.objects.get(unsubscribed=True).email == "p0@example.org"
    assert in_step(resend_fake)


def test_only_contacts_as_new_as_the_import_are_read_to_find_whom_it_made(
    resend_fake: FakeResend,
) -> None:
    known(resend_fake, 250)
    with later():
        newcomers(3)
        Contact.objects.bulk_create([Contact(email="nobody")])
        made = calls(resend_fake, push_outbox)

    assert made[LIST] == 1
    assert CREATE not in made
    assert OutboxEntry.objects.get().error_message, "of the address that Resend doesn't take"
    assert len(resend_fake.state()["contacts"]) == 253


def test_whom_nobody_tells_the_age_of_is_not_taken_for_the_imports_work(
    resend_fake: FakeResend,
) -> None:
    resend_fake.dashboard.create_topic("Club", "opt_out")
    pull_all()
    newcomers(3)
    for contact in Contact.objects.all():
        contact.opt_in(Topic.objects.get(), by="clerk", reason="asked")
    begin(resend_fake)
    with later(seconds=31):
        told = ("id", "email", "first_name", "last_name", "unsubscribed")
        rows = [{name: row[name] for name in told} for row in resend_fake.state()["contacts"]]
    assert len(rows) == 3
    resend_fake.faults.add("status", status=200, route=LIST, body={"data": rows, "has_more": False})

    made = end(resend_fake)

    assert made[LIST] == 1
    assert IMPORT not in made
    chosen = set(TopicSubscription.objects.values_list("subscription", flat=True))
    assert chosen == {"opt_out"}, "for all we know they had opted out there"
    assert in_step(resend_fake)


@pytest.mark.parametrize("listed", [True, False])
def test_whoever_is_deleted_at_resend_once_more_after_the_import_stays_deleted(
    resend_fake: FakeResend, listed: bool
) -> None:
    people = known(resend_fake, 6)
    Segment.objects.create(name="Friends").contacts.add(*people)
    begin(resend_fake)
    gone = people[2].email
    resend_fake.dashboard.delete_contact(gone)
    with later(seconds=31):
        assert len(resend_fake.state()["contacts"]) == 6, "the import brought it back"
        resend_fake.dashboard.delete_contact(gone)
    if not listed:
        resend_fake.faults.add("status", status=404, name="not_found", route=MEMBERS)

    made = end(resend_fake)

    assert made[MEMBERS] == 1
    assert made[JOIN] == (1 if listed else 6)
    with later(minutes=5):
        pull_all()
        push_outbox()
    assert gone not in {row["email"] for row in resend_fake.state()["contacts"]}
    assert SegmentMembership.objects.filter(confirmed_at__isnull=False).count() == 5
    assert in_step(resend_fake)


def test_an_import_that_made_somebody_nobody_knows_when_is_proved_by_nothing(
    resend_fake: FakeResend,
) -> None:
    people = known(resend_fake, 4)
    Segment.objects.create(name="Friends").contacts.add(*people)
    begin(resend_fake)
    with later(seconds=31):
        report(
            resend_fake,
            created_at=None,
            counts={"total": 4, "created": 1, "updated": 3, "failed": 0},
        )

    made = end(resend_fake)

    assert LIST not in made
    assert made[MEMBERS] == 1
    assert len(resend_fake.state()["contacts"]) == 4
    assert in_step(resend_fake)


def test_an_import_whose_counts_the_list_does_not_tell_is_looked_at_by_itself(
    resend_fake: FakeResend,
) -> None:
    newcomers(4)
    begin(resend_fake)
    with later(seconds=31):
        report(resend_fake, counts=None)

    made = end(resend_fake)

    assert made[ONE_IMPORT] == 1
    assert CREATE not in made
    assert "GET /contacts/{id}" not in made, "the counts proved all of them"
    assert in_step(resend_fake)


@pytest.mark.parametrize("known_there", [True, False])
def test_an_import_behind_a_hundred_newer_ones_is_looked_at_by_itself(
    resend_fake: FakeResend, known_there: bool
) -> None:
    newcomers(4)
    begin(resend_fake)
    with later(seconds=31):
        for number in range(100):
            resend_fake.dashboard.import_csv(f"email\nstranger{number}@example.org\n")
    if not known_there:
        resend_fake.faults.add("status", status=404, name="not_found", route=ONE_IMPORT)

    made = end(resend_fake)

    assert (made[POLL], made[ONE_IMPORT]) == (1, 1)
    assert made.get("GET /contacts/{id}", 0) == (0 if known_there else 4)
    assert CREATE not in made
    with later(minutes=5):
        pull_all()
        push_outbox()
    assert Contact.objects.count() == 104
    assert in_step(resend_fake)


def test_a_lost_answer_is_looked_for_among_the_imports_of_its_time_only(
    resend_fake: FakeResend,
) -> None:
    for number in range(150):
        resend_fake.dashboard.import_csv(f"email\nstranger{number}@example.org\n")
    pull_all()
    with later():
        newcomers(4)
        resend_fake.faults.add("status", status=500, after_effect=True, route=IMPORT)
        made = calls(resend_fake, lambda: push_outbox(seconds=60))

        assert made == {IMPORT: 1, POLL: 1}
        push_outbox()
        assert in_step(resend_fake)


def test_a_choice_taken_back_by_an_opt_in_goes_the_single_way(resend_fake: FakeResend) -> None:
    people = known(resend_fake, 4, topics=["News"])
    topic = Topic.objects.get()
    for person in people:
        person.opt_out(topic)
    push_outbox()
    for person in people:
        person.opt_in(topic, by="clerk", reason="asked")

    made = calls(resend_fake, push_outbox)

    assert IMPORT not in made
    assert made[CHOOSE] == 4
    assert set(TopicSubscription.objects.values_list("subscription", flat=True)) == {"opt_in"}
    assert in_step(resend_fake)


def test_an_opt_in_after_an_opt_out_that_was_seen_during_the_import_goes_the_single_way(
    resend_fake: FakeResend,
) -> None:
    resend_fake.dashboard.create_topic("Club", "opt_out")
    pull_all()
    newcomers(3)
    begin(resend_fake)
    with later(seconds=31):
        pull_all(deep=True)
        for contact in Contact.objects.all():
            contact.opt_in(Topic.objects.get(), by="clerk", reason="asked")

    made = end(resend_fake)

    assert (made[CHOOSE], IMPORT in made) == (3, False)
    assert set(TopicSubscription.objects.values_list("subscription", flat=True)) == {"opt_in"}
    assert in_step(resend_fake)


def test_who_chose_a_topic_that_resend_lacks_goes_the_single_way_and_waits(
    resend_fake: FakeResend,
) -> None:
    resend_fake.faults.add("status", status=422, name="validation_error", route="POST /topics")
    topic = Topic.objects.create(name="News", default_subscription="opt_in")
    newcomers(4)
    for contact in Contact.objects.all():
        contact.opt_out(topic)

    made = calls(resend_fake, push_outbox)

    assert IMPORT not in made
    assert made[CREATE] == 4
    OutboxEntry.objects.make_due(OutboxEntry.objects.all())
    push_outbox()
    chosen = [set(row["topics"].values()) for row in resend_fake.state()["contacts"]]
    assert chosen == [{"opt_out"}] * 4
    assert in_step(resend_fake)


def test_an_address_that_no_cell_carries_goes_into_no_file(resend_fake: FakeResend) -> None:
    known(resend_fake, 4)
    resend_fake.dashboard.create_contact("a\u200bda@example.org")
    with later():
        pull_all()
    Segment.objects.create(name="Friends").contacts.add(*Contact.objects.all())

    made = calls(resend_fake, push_outbox)

    assert (made[IMPORT], made[JOIN]) == (1, 1)
    assert MEMBERS not in made
    assert in_step(resend_fake)
