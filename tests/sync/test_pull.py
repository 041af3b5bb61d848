"""A pull: the mirror becomes what Resend holds, for the fewest calls and few statements a page."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import django
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_resend.models import (
    ConflictRecord,
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)
from django_resend.sync.pull import pull_all
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Watcher, client_of, formula, later, rows

pytestmark = pytest.mark.django_db

# What a page costs, begin and commit apart; the last page of a segment's members includes the
# query for those that left.
SPLIT = int(django.VERSION < (6, 0) and connection.vendor == "sqlite")
"""Django 5.2 gives SQLite at most 999 values an insert, so a page takes one more."""

OWN_STATEMENTS = {
    "empty": {"contacts": 5, "memberships": 4},
    "equal": {"contacts": 2, "memberships": 3},
    "changed": {"contacts": 3, "memberships": 3},
    "mixed": {"contacts": 7, "memberships": 5},
}

TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "START TRANSACTION", "SET AUTOCOMMIT")


def seed(fake: FakeResend, contacts: int, segments: int = 3) -> None:
    fake.dashboard.seed(
        contacts=contacts, segments=segments, topics=2, properties=2, unsubscribed_every=7
    )


def put_into_second_segment(fake: FakeResend, contacts: int, segments: int) -> None:
    for number in range(1, contacts + 1):
        name = f"Segment_{(number + 1) % segments + 1}"
        fake.dashboard.add_to_segment(f"person{number}@example.org", name)


def test_after_a_pull_the_mirror_equals_resend(resend_fake: FakeResend) -> None:
    seed(resend_fake, 130)

    report = pull_all()

    assert report.complete
    assert differences(resend_fake) == []
    assert Contact.objects.count() == 130
    assert SegmentMembership.objects.count() == 130
    assert TopicSubscription.objects.filter(subscription="opt_out").count() == 26


def test_a_pull_leaves_nothing_to_push(resend_fake: FakeResend) -> None:
    seed(resend_fake, 30)

    pull_all()

    assert not OutboxEntry.objects.exists()


def test_a_second_pull_writes_no_row_of_the_mirror(resend_fake: FakeResend) -> None:
    seed(resend_fake, 130)
    pull_all()
    before = rows()

    with later():
        report = pull_all()

    after = rows()
    for row in (*before["Contact"], *after["Contact"]):
        row.pop("deep_checked_at")
    assert after == before
    assert report.counts["contacts_unchanged"] == 130


def test_a_second_pull_brings_what_changed(resend_fake: FakeResend) -> None:
    seed(resend_fake, 130)
    pull_all()
    act = resend_fake.dashboard
    act.edit_contact("person1@example.org", first_name="Ada", properties={"property_1": "new"})
    act.unsubscribe("person2@example.org")
    act.choose_topic("person3@example.org", "Topic_1", "opt_out")
    act.create_contact("new@example.org", segments=["Segment_1"])
    act.rename_segment("Segment_2", "Friends")
    act.edit_topic("Topic_2", description="About us")
    act.create_property("seats", "number", 4)
    act.edit_contact("person4@example.org", properties={"property_2": None, "seats": 2})

    with later():
        pull_all()

    assert differences(resend_fake) == []


def test_a_contact_that_only_resend_knew_is_no_conflict(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.create_contact("ada@example.org", first_name="Ada", unsubscribed=True)

    pull_all()

    assert not ConflictRecord.objects.exists()


@pytest.mark.parametrize("deep", [False, True], ids=["shallow", "all"])
@pytest.mark.parametrize("contacts", [0, 1, 100, 101, 250])
def test_a_pull_makes_just_the_calls_of_the_formula(
    resend_fake: FakeResend, contacts: int, deep: bool
) -> None:
    seed(resend_fake, contacts)

    report = pull_all(deep=deep)

    assert report.calls == resend_fake.ledger.total == formula(resend_fake, deep=deep)


@pytest.mark.slow
def test_ten_thousand_contacts_cost_the_calls_of_the_formula(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=10_000, segments=10)
    put_into_second_segment(resend_fake, 10_000, 10)

    report = pull_all(deep=False)

    assert SegmentMembership.objects.count() == 20_000
    # 100 pages of contacts, 1 each of segments, topics and properties, 20 of each segment.
    assert report.calls == formula(resend_fake, deep=False) == 100 + 3 + 10 * 20
    assert report.calls_by_route == {
        "GET /contacts": 100,
        "GET /segments": 1,
        "GET /topics": 1,
        "GET /contact-properties": 1,
        "GET /segments/{segment}/contacts": 200,
    }
    assert differences(resend_fake, deep=False) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mirror", ["empty", "equal", "changed", "mixed"])
def test_a_page_costs_at_most_eight_queries(resend_fake: FakeResend, mirror: str) -> None:
    seed(resend_fake, 400, segments=2)
    put_into_second_segment(resend_fake, 400, 2)
    if mirror != "empty":
        pull_all(deep=False)
    if mirror == "changed":
        _change(resend_fake, range(1, 401))
    elif mirror == "mixed":
        # On every page: some rows to insert, to update, and to send an opt-out back for.
        _change(resend_fake, range(1, 401, 2))
        gone = Contact.untracked.filter(email__contains="5@")
        opted_out = list(gone.values_list("pk", flat=True))
        Contact.objects.filter(pk__in=opted_out).update(unsubscribed=True)
        gone.delete()
        Contact.objects.filter(email__contains="6@").update(last_name="Local")

    with later(), CaptureQueriesContext(connection) as queries:
        statements: dict[str, list[list[str]]] = defaultdict(list)
        told = 0

        def count(stage: str, page: int) -> None:
            nonlocal told
            statements[stage].append([query["sql"] for query in queries.captured_queries[told:]])
            told = len(queries)

        pull_all(deep=False, progress=Watcher(count))

    for stage in ("contacts", "memberships"):
        pages = statements[stage]
        assert len(pages) == 4 if stage == "contacts" else 8
        for page in pages[1:]:  # with the first page, what begins the stage is counted too
            own = [sql for sql in page if not sql.startswith(TRANSACTION_CONTROL)]
            most = OWN_STATEMENTS[mirror][stage] + SPLIT
            assert len(own) <= most, "\n".join(sql[:150] for sql in own)
            assert len(page) <= len(own) + 2


def _change(fake: FakeResend, numbers: range) -> None:
    for number in numbers:
        fake.dashboard.edit_contact(f"person{number}@example.org", first_name="Other")


def test_a_contact_made_here_is_linked_by_its_address(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.create_contact("Ada@Example.org", last_name="Lovelace")
    contact = Contact.objects.create(email="ada@example.org", first_name="Ada")

    pull_all()

    linked = Contact.objects.get()
    assert linked.pk == contact.pk
    assert linked.remote_id == resend_fake.state()["contacts"][0]["id"]
    assert (linked.first_name, linked.last_name) == ("Ada", "Lovelace")
    assert linked.email == "Ada@Example.org"


def test_a_key_that_a_list_lacks_clears_nothing(resend_fake: FakeResend) -> None:
    seed(resend_fake, 1)
    pull_all()
    before = Contact.objects.values().get()
    bare = {"id": before["remote_id"], "email": before["email"]}
    page = {"object": "list", "has_more": False, "data": [bare]}
    resend_fake.faults.add(status=200, body=page, route="GET /contacts")

    with later():
        pull_all(deep=False)

    assert Contact.objects.values().get() == before


@pytest.mark.parametrize("told", [{}, {"properties": None}], ids=["missing", "null"])
def test_a_read_without_properties_clears_none(
    resend_fake: FakeResend, told: dict[str, None]
) -> None:
    seed(resend_fake, 1)
    pull_all()
    contact = Contact.objects.get()
    body = {"object": "contact", "id": contact.remote_id, "email": contact.email, **told}
    resend_fake.faults.add(status=200, body=body, route="GET /contacts/{id}")

    with later():
        pull_all(shallow=False)

    assert Contact.objects.get().properties == {
        "property_1": "property_1 1",
        "property_2": "property_2 1",
    }


def test_a_topic_that_a_contacts_list_lacks_keeps_its_choice(resend_fake: FakeResend) -> None:
    seed(resend_fake, 10)
    pull_all()
    before = list(TopicSubscription.objects.values())
    nothing = {"object": "list", "has_more": False, "data": []}
    resend_fake.faults.add(status=200, body=nothing, times=10, route="GET /contacts/{id}/topics")

    with later():
        pull_all(shallow=False)

    assert list(TopicSubscription.objects.values()) == before


def test_the_deep_pull_reads_the_contacts_longest_unread_first(resend_fake: FakeResend) -> None:
    seed(resend_fake, 60)
    pull_all(deep=False)
    moment = timezone.now()
    ages = {f"person{n}@example.org": (n * 17) % 60 for n in range(1, 51)}
    for email, age in ages.items():
        read_at = moment - timedelta(hours=1 + age)
        Contact.untracked.filter(email=email).update(deep_checked_at=read_at)
    never = set(Contact.objects.filter(deep_checked_at=None).values_list("email", flat=True))
    address = dict(Contact.objects.values_list("remote_id", "email"))
    read: list[str] = []
    with client_of(resend_fake) as client:

        def note(response: object, **kwargs: object) -> None:
            path = response.url.removeprefix(resend_fake.url)  # type: ignore[attr-defined]
            if not path.endswith("topics?limit=100"):
                read.append(address[path.removeprefix("/contacts/")])

        client.session.hooks["response"].append(note)
        pull_all(shallow=False, client=client)

    assert set(read[:10]) == never
    assert read[10:] == sorted(ages, key=lambda email: -ages[email])


def test_a_deep_pull_passes_over_a_contact_that_is_gone(resend_fake: FakeResend) -> None:
    seed(resend_fake, 30)
    pull_all(deep=False)
    resend_fake.dashboard.delete_contact("person7@example.org")

    report = pull_all(shallow=False)

    assert report.counts["deep_unreadable"] == 1
    assert report.counts["deep_read"] == 29
    assert Contact.objects.filter(email="person7@example.org").exists()


def test_a_deep_pull_reads_nothing_where_there_is_nothing_to_read(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=30, segments=1)
    pull_all(deep=False)
    resend_fake.ledger.reset()

    pull_all(shallow=False)

    assert resend_fake.ledger.total == 0


def test_a_local_change_survives_a_pull_and_a_remote_one_arrives(resend_fake: FakeResend) -> None:
    seed(resend_fake, 1)
    pull_all()
    contact = Contact.objects.get()
    contact.last_name = "Local"
    contact.save()
    resend_fake.dashboard.edit_contact(contact.email, first_name="Remote")

    with later():
        pull_all()

    contact.refresh_from_db()
    assert (contact.first_name, contact.last_name) == ("Remote", "Local")
    assert OutboxEntry.objects.get().object_id == contact.pk


def test_an_opt_out_at_resend_reaches_the_mirror(resend_fake: FakeResend) -> None:
    seed(resend_fake, 1)
    pull_all()
    resend_fake.dashboard.unsubscribe("person1@example.org")

    with later():
        pull_all(deep=False)

    assert Contact.objects.get().unsubscribed
    assert not OutboxEntry.objects.exists()


@pytest.mark.parametrize("mode", ["follow", "hold"])
def test_a_remote_opt_in_is_followed_or_held_as_the_settings_say(
    resend_fake: FakeResend, settings: Any, mode: str
) -> None:
    resend_fake.dashboard.create_contact("ada@example.org", unsubscribed=True)
    pull_all()
    settings.RESEND = {**settings.RESEND, "REMOTE_OPT_IN": mode}
    resend_fake.dashboard.resubscribe("ada@example.org")

    with later():
        report = pull_all(deep=False)

    assert Contact.objects.get().unsubscribed is (mode == "hold")
    assert report.counts.get("contacts_opted_in" if mode == "follow" else "contacts_held") == 1


def test_equal_names_of_segments_stay_two_segments(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.create_segment("VIP")
    resend_fake.dashboard.create_segment("VIP")
    Segment.objects.create(name="VIP")

    pull_all()

    assert Segment.objects.filter(name="VIP").count() == 3
    assert Segment.objects.filter(name="VIP", remote_id=None).count() == 1


def test_a_property_made_here_is_linked_by_its_key_whatever_case_others_have(
    resend_fake: FakeResend,
) -> None:
    resend_fake.dashboard.create_property("Plan")
    resend_fake.dashboard.create_property("plan")
    ours = ContactProperty.objects.create(key="plan")

    pull_all()

    assert ContactProperty.objects.count() == 2
    ours.refresh_from_db()
    assert ours.remote_id is not None


def test_a_topics_default_is_taken_over(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.create_topic("News", "opt_out", "Weekly", "public")

    pull_all()

    topic = Topic.objects.get()
    assert (topic.default_subscription, topic.visibility) == ("opt_out", "public")
