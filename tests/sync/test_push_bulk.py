"""Many contacts of one sort go to Resend in CSV files, and come to the same as by single calls."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_resend.models import (
    Contact,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.sync.push.plan import plan_push
from django_resend.testing import FakeResend
from tests.benchmarks.contenders import ours
from tests.benchmarks.scenarios import PROPERTIES, TOPICS, newcomers

from .bulk import IMPORT, POLL, calls, in_step, known

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sleeps", "imports_from_three"),
]


QUIRKS: list[dict[str, str]] = [
    {},
    {"skip_joins": "yes"},
    {"import_blank": "clear"},
    {"import_seconds": "900"},
    {"on_conflict_default": "skip"},
    {"email_case": "lowered"},
    {"topics_listing": "explicit"},
    {"list_properties": "yes"},
    {"has_more": "missing"},
    {"timestamps": "iso"},
]


@pytest.mark.parametrize("quirks", QUIRKS, ids=str)
def test_newcomers_of_twelve_segment_and_topic_sets(
    resend_fake: FakeResend, quirks: dict[str, str]
) -> None:
    for name, value in quirks.items():
        resend_fake.quirks[name] = value
    resend_fake.dashboard.seed(segments=2, topics=TOPICS, properties=PROPERTIES)
    pull_all()
    resend_fake.ledger.reset()

    ours.create(newcomers(300))

    assert in_step(resend_fake)
    assert resend_fake.ledger.by_route["POST /contacts/imports"] == 12
    assert "POST /contacts" not in resend_fake.ledger.by_route
    assert resend_fake.ledger.total < 80


def test_a_segment_joined_by_many_is_one_import_without_a_read_back(
    resend_fake: FakeResend,
) -> None:
    people = known(resend_fake, 50)
    friends = Segment.objects.create(name="Friends")
    friends.contacts.add(*people)

    made = calls(resend_fake, push_outbox)

    assert made.pop(POLL) <= 6
    assert made == {"POST /segments": 1, IMPORT: 1}
    assert in_step(resend_fake)


def test_values_that_vary_go_in_one_file_if_the_columns_are_the_same(
    resend_fake: FakeResend,
) -> None:
    people = known(resend_fake, 20, properties=["plan"])
    resend_fake.dashboard.create_property("seats", "number")
    pull_all()
    for number, person in enumerate(people):
        person.first_name = f'"{number}", the {number}th; ÄÖ'
        person.properties = {**person.properties, "seats": number - 3.5}
        person.save()

    made = calls(resend_fake, push_outbox)

    assert made.pop(POLL) <= 6
    assert made == {IMPORT: 1}
    assert in_step(resend_fake)


def test_many_opt_outs_are_one_import_and_name_nobody_else(resend_fake: FakeResend) -> None:
    people = known(resend_fake, 40)
    resend_fake.dashboard.unsubscribe(people[-1].email)
    Contact.objects.filter(pk__in=[person.pk for person in people[:30]]).update(unsubscribed=True)

    made = calls(resend_fake, push_outbox)

    assert made.pop(POLL) <= 6
    assert made == {IMPORT: 1}
    pull_all()
    assert Contact.objects.filter(unsubscribed=True).count() == 31
    assert in_step(resend_fake)


def test_topic_opt_outs_of_a_file_are_read_back_by_one_of_its_contacts(
    resend_fake: FakeResend,
) -> None:
    people = known(resend_fake, 25, topics=["News"])
    for person in people:
        person.opt_out(Topic.objects.get())

    made = calls(resend_fake, push_outbox)

    assert made.pop(POLL) <= 6
    assert made == {IMPORT: 1, "GET /contacts/{id}/topics": 1}
    assert not TopicSubscription.objects.exclude(base="opt_out").exists()
    assert in_step(resend_fake)


def test_topic_opt_outs_that_do_not_show_all_go_the_single_way(resend_fake: FakeResend) -> None:
    people = known(resend_fake, 5, topics=["News"])
    for person in people:
        person.opt_out(Topic.objects.get())
    resend_fake.faults.add("status", status=404, route="GET /contacts/{id}/topics", times=3)

    made = calls(resend_fake, push_outbox)

    assert made["PATCH /contacts/{id}/topics"] == 5
    assert in_step(resend_fake)


def test_what_a_file_cannot_carry_goes_by_single_calls(resend_fake: FakeResend) -> None:
    people = known(resend_fake, 8, segments=["Friends"], properties=["plan"])
    changes: list[dict[str, Any]] = [
        {"first_name": ""},
        {"properties": {}},
        {"properties": {"plan": ""}},
        {"first_name": " Ada "},
        {"last_name": "Love\nlace"},
    ]
    for person, change in zip(people, changes, strict=False):
        for name, value in change.items():
            setattr(person, name, value)
        person.save()
    people[5].segments.clear()
    people[6].delete()
    people[7].email = "moved@example.org"
    people[7].save()

    made = calls(resend_fake, push_outbox)

    assert IMPORT not in made
    assert made["PATCH /contacts/{id}"] == 5
    assert in_step(resend_fake)


def test_fewer_than_the_threshold_cost_what_they_always_cost(
    resend_fake: FakeResend, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "BULK_THRESHOLD": 50}
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(49))

    assert calls(resend_fake, push_outbox) == {"GET /contacts/{id}": 49, "POST /contacts": 49}


def test_a_threshold_of_nothing_means_never(resend_fake: FakeResend, settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "BULK_THRESHOLD": 0}
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(60))

    assert IMPORT not in calls(resend_fake, push_outbox)


@pytest.mark.parametrize("joins", ["yes", "no"])
def test_people_who_opted_out_at_resend_unknown_to_us_stay_opted_out(
    resend_fake: FakeResend, joins: str
) -> None:
    resend_fake.quirks["skip_joins"] = joins
    board = resend_fake.dashboard
    board.create_topic("News", "opt_in")
    board.create_topic("Club", "opt_out")
    pull_all()
    board.create_contact("p0@example.org", unsubscribed=True)
    board.create_contact("p1@example.org", topics={"News": "opt_out", "Club": "opt_out"})
    for number in range(6):
        contact = Contact.objects.create(email=f"p{number}@example.org", first_name="New")
        for topic in Topic.objects.all():
            TopicSubscription.objects.create(contact=contact, topic=topic, subscription="opt_in")

    push_outbox()
    pull_all()
    push_outbox()

    there = {row["email"]: row for row in resend_fake.state()["contacts"]}
    club, news = (Topic.objects.get(name=name).remote_id for name in ("Club", "News"))
    assert there["p0@example.org"]["unsubscribed"]
    assert there["p1@example.org"]["topics"] == {news: "opt_out", club: "opt_out"}
    assert all(there[f"p{n}@example.org"]["topics"][club] == "opt_in" for n in range(2, 6))
    assert in_step(resend_fake)


def test_an_address_that_had_opted_out_is_recalled_before_it_is_created(
    resend_fake: FakeResend,
) -> None:
    Contact.objects.create(email="p0@example.org", unsubscribed=True).delete()
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(5))

    made = calls(resend_fake, push_outbox)

    assert made["POST /contacts"] == made[IMPORT] == 1
    assert Contact.objects.get(email="p0@example.org").unsubscribed
    assert in_step(resend_fake)


@pytest.mark.parametrize("same_id", ["new", "same"])
def test_whoever_was_deleted_at_resend_is_not_brought_back(
    resend_fake: FakeResend, same_id: str
) -> None:
    resend_fake.quirks["recreated_id"] = same_id
    people = known(resend_fake, 6)
    friends = Segment.objects.create(name="Friends")
    friends.contacts.add(*people)
    resend_fake.dashboard.delete_contact(people[2].email)

    push_outbox()

    assert len(resend_fake.state()["contacts"]) == 5
    pull_all()
    assert Contact.objects.count() == 5
    assert in_step(resend_fake)


def test_one_row_that_fails_does_not_send_the_others_one_by_one(
    resend_fake: FakeResend,
) -> None:
    resend_fake.dashboard.create_segment("Friends")
    pull_all()
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(9))
    Contact.objects.bulk_create([Contact(email="nobody")])
    Segment.objects.get().contacts.add(*Contact.objects.all())

    report = push_outbox()

    assert report.refused == 1
    assert "POST /contacts" not in report.calls_by_route
    assert OutboxEntry.objects.get().error_message
    confirmed = SegmentMembership.objects.filter(confirmed_at__isnull=False)
    assert confirmed.count() == 9


def test_the_plan_tells_the_imports_and_about_what_they_cost(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(segments=2, topics=TOPICS, properties=PROPERTIES)
    pull_all()
    people = newcomers(120)
    Contact.objects.bulk_create(
        Contact(email=person["email"], properties=person["properties"]) for person in people
    )
    Contact.objects.create(email="single@example.org", properties={"property_1": ""})

    plan = plan_push()
    made = push_outbox().calls

    stages = {stage.name: stage.calls for stage in plan.stages}
    assert stages.keys() == {"imports", "new contacts"}
    assert stages["new contacts"] == 2
    assert not plan.exact
    assert plan.calls - 5 <= made <= plan.calls + 5


def test_files_are_split_below_the_limit(
    resend_fake: FakeResend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_resend.sync.push.bulk.preparing.MAX_BYTES", 1000)
    Contact.objects.bulk_create(
        Contact(email=f"p{n}@example.org", first_name="Ä" * 150) for n in range(9)
    )

    assert calls(resend_fake, push_outbox)[IMPORT] == 3
    assert in_step(resend_fake)


def queries_of_a_push(name: str, count: int) -> int:
    """Of new contacts in a segment, that then join another."""
    people = Contact.objects.bulk_create(
        Contact(email=f"{name}{n}@example.org", first_name=f"{n}") for n in range(count)
    )
    first, second = Segment.objects.order_by("pk")
    first.contacts.add(*people)
    push_outbox()
    second.contacts.add(*people)
    Contact.objects.bulk_create(Contact(email=f"{name}new{n}@example.org") for n in range(count))
    with CaptureQueriesContext(connection) as captured:
        push_outbox()
    return len(captured)


def test_the_queries_do_not_grow_with_the_rows_of_a_batch(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(segments=2)
    pull_all()

    # 50, because Django 5.2 gives SQLite at most 999 values an insert.
    few, many = queries_of_a_push("a", 10), queries_of_a_push("b", 50)

    assert in_step(resend_fake)
    assert many <= few
