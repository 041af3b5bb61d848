"""What Resend no longer has is deleted here only when that is proved, and never by the heap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from django_resend.client import errors
from django_resend.models import (
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Tombstone,
    Topic,
    TopicSubscription,
)
from django_resend.sync.pull import PullReport, pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Watcher, client_of, later, rows

pytestmark = pytest.mark.django_db

EMPTY_LIST = {"object": "list", "has_more": False, "data": []}
BROKEN_LIST = {"object": "list", "has_more": True, "data": []}


def pull_later(*, allow_deletions: bool = False, progress: Watcher | None = None) -> PullReport:
    with later():
        return pull_all(deep=False, allow_deletions=allow_deletions, progress=progress)


def delete_at_resend(fake: FakeResend, contacts: int) -> None:
    for number in range(1, contacts + 1):
        fake.dashboard.delete_contact(f"person{number}@example.org")


@pytest.fixture
def pulled(resend_fake: FakeResend) -> Callable[..., FakeResend]:
    """Fill the fake and pull it."""

    def seed(contacts: int, **more: Any) -> FakeResend:
        resend_fake.dashboard.seed(contacts=contacts, **more)
        pull_all()
        resend_fake.ledger.reset()
        return resend_fake

    return seed


def test_a_deleted_contact_is_followed_after_a_404_for_it(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(20, segments=1)
    delete_at_resend(fake, 1)

    report = pull_later()

    assert differences(fake) == []
    assert report.counts["contacts_deleted"] == 1
    assert fake.ledger.by_route["GET /contacts/{id}"] == 1
    assert not OutboxEntry.objects.exists()
    assert Tombstone.objects.get().origin == Tombstone.Origin.REMOTE


def test_a_contact_that_a_list_lacks_but_resend_still_has_stays(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(5)
    fake.faults.add(status=200, body=EMPTY_LIST, route="GET /contacts")

    report = pull_later()

    assert report.complete
    assert differences(fake) == []
    assert Contact.objects.count() == 5


@pytest.mark.parametrize("kind", ["html", "status"])
def test_a_404_that_is_not_resends_own_proves_nothing(
    pulled: Callable[..., FakeResend], kind: str
) -> None:
    fake = pulled(5)
    delete_at_resend(fake, 1)
    body = "Not found" if kind == "status" else None
    fake.faults.add(kind, status=404, body=body, route="GET /contacts/{id}")

    pull_later()

    assert Contact.objects.count() == 5


def test_a_proof_that_cannot_be_had_deletes_nothing(
    pulled: Callable[..., FakeResend], pauses: list[float]
) -> None:
    fake = pulled(5)
    delete_at_resend(fake, 1)
    fake.faults.add(status=503, times=5, route="GET /contacts/{id}")

    with pytest.raises(errors.ServerFault):
        pull_later()

    assert Contact.objects.count() == 5


@pytest.mark.parametrize(
    ("contacts", "deleted"),
    [(100, 10), (110, 11), (200, 20), (5, 5)],
    ids=["10 rows", "10 %", "10 % of many", "few rows"],
)
def test_deletions_within_either_bound_are_followed(
    pulled: Callable[..., FakeResend], contacts: int, deleted: int
) -> None:
    fake = pulled(contacts)
    delete_at_resend(fake, deleted)

    report = pull_later()

    assert report.complete
    assert Contact.objects.count() == contacts - deleted


def test_a_mass_deletion_stops_and_says_the_numbers_and_the_option(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(100)
    delete_at_resend(fake, 11)
    watcher = Watcher()

    report = pull_later(progress=watcher)

    assert not report.complete
    assert Contact.objects.count() == 100
    assert not Tombstone.objects.exists()
    (sentence,) = report.stopped
    assert sentence == (
        "Resend no longer lists 11 of 100 contacts. Nothing was deleted here. "
        "If that is right, run resend_pull --allow-deletions."
    )
    assert watcher.notes == [sentence]
    assert "GET /contacts/{contact}" not in report.calls_by_route


def test_a_mass_deletion_that_a_person_allows_is_followed(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(100, segments=2)
    delete_at_resend(fake, 60)

    report = pull_later(allow_deletions=True)

    assert report.complete
    assert report.counts["contacts_deleted"] == 60
    assert differences(fake) == []


def test_the_bounds_are_settings(pulled: Callable[..., FakeResend], settings: Any) -> None:
    fake = pulled(100)
    bounds = {"MASS_DELETION_SHARE": 0.5, "MASS_DELETION_ROWS": 20}
    settings.RESEND = {**settings.RESEND, **bounds}

    delete_at_resend(fake, 50)
    assert pull_later().complete
    assert Contact.objects.count() == 50


@pytest.mark.parametrize("body", [EMPTY_LIST, BROKEN_LIST], ids=["empty", "has_more without rows"])
def test_an_empty_answer_never_empties_the_mirror(
    pulled: Callable[..., FakeResend], body: dict[str, object]
) -> None:
    fake = pulled(20, segments=1, topics=12, properties=12)
    before = rows()
    routes = ("/contacts", "/segments", "/topics", "/contact-properties")
    for route in (*routes, "/segments/{id}/contacts"):
        fake.faults.add(status=200, body=body, times=9, route=f"GET {route}")

    report = pull_later()

    assert not report.complete
    assert rows() == before


def test_a_list_that_breaks_off_in_the_middle_deletes_nothing(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(205)

    def break_off(stage: str, page: int) -> None:
        if stage == "contacts" and page == 2:
            fake.faults.add(status=200, body=BROKEN_LIST, times=1, route="GET /contacts")

    report = pull_later(progress=Watcher(break_off))

    # One broken walk is begun again; three are not.
    assert report.complete
    assert Contact.objects.count() == 205


@pytest.mark.parametrize("bad_cursor", ["error", "ignore"])
def test_a_cursor_whose_row_is_deleted_meanwhile_starts_the_walk_again(
    pulled: Callable[..., FakeResend], bad_cursor: str
) -> None:
    fake = pulled(250, segments=1)
    fake.quirks["bad_cursor"] = bad_cursor
    # Newest first: the last row of the first page is the hundredth from the end.
    ends = {"contacts": "person151@example.org", "memberships": "person150@example.org"}

    def delete_cursor(stage: str, page: int) -> None:
        if page == 1 and stage in ends:
            fake.dashboard.delete_contact(ends[stage])

    report = pull_later(progress=Watcher(delete_cursor))

    assert report.complete
    assert Contact.objects.count() == 250  # both had been met before they went
    pull_later()
    assert Contact.objects.count() == 248
    assert differences(fake, deep=False) == []


def test_a_row_made_during_the_walk_is_not_taken_for_absent(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(150)

    def push_meanwhile(stage: str, page: int) -> None:
        if stage == "contacts" and page == 1:
            made = fake.dashboard.create_contact("new@example.org")
            contact = Contact(email="new@example.org", email_key="new@example.org")
            contact.remote_id = made.id
            contact.save()

    pull_later(progress=Watcher(push_meanwhile))

    assert Contact.objects.filter(email="new@example.org").exists()
    assert fake.ledger.by_route.get("GET /contacts/{id}") is None


def another_team(contacts: int = 30) -> FakeResend:
    fake = FakeResend()
    fake.dashboard.seed(contacts=contacts, domain="example.com", segments=["Theirs"])
    return fake


def test_another_teams_key_deletes_no_contact(pulled: Callable[..., FakeResend]) -> None:
    pulled(20)
    other = another_team()

    with other.serve(), later(), client_of(other) as client:
        report = pull_all(deep=False, client=client)

    assert not report.complete
    assert Contact.objects.filter(email__endswith="@example.org").count() == 20


def test_another_teams_key_deletes_no_definition_membership_or_choice(
    pulled: Callable[..., FakeResend],
) -> None:
    pulled(20, segments=2, topics=2, properties=2)
    Contact.objects.get(email="person1@example.org").opt_out(Topic.objects.earliest("pk"))
    tables = (Segment, Topic, ContactProperty, SegmentMembership, TopicSubscription)
    before = [set(model.objects.values_list("pk", flat=True)) for model in tables]
    other = another_team()

    with other.serve(), later(), client_of(other) as client:
        pull_all(deep=False, client=client)

    after = [set(model.objects.values_list("pk", flat=True)) for model in tables]
    assert [old - new for old, new in zip(before, after, strict=True)] == [set()] * 5


def test_deleted_definitions_are_followed_with_what_hangs_on_them(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(20, segments=2, topics=2, properties=2)
    fake.dashboard.delete_segment("Segment_1")
    fake.dashboard.delete_topic("Topic_2")
    fake.dashboard.delete_property("property_1")

    with later():
        report = pull_all()

    assert report.complete
    assert differences(fake) == []
    assert not OutboxEntry.objects.exists()


def test_the_last_propertys_values_go_with_it(pulled: Callable[..., FakeResend]) -> None:
    fake = pulled(3, properties=1)
    fake.dashboard.delete_property("property_1")

    with later():
        pull_all()

    assert differences(fake) == []


def test_a_heap_of_deleted_definitions_waits_for_a_person(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(1, segments=12)
    for number in range(1, 13):
        fake.dashboard.delete_segment(f"Segment_{number}")

    report = pull_later()

    (sentence,) = report.stopped
    assert "12 of 12 segments" in sentence
    assert "--allow-deletions" in sentence
    assert Segment.objects.count() == 12
    assert pull_later(allow_deletions=True).complete
    assert Segment.objects.count() == 0


def test_a_membership_that_ended_at_resend_ends_here(pulled: Callable[..., FakeResend]) -> None:
    fake = pulled(30, segments=1)
    fake.dashboard.remove_from_segment("person7@example.org", "Segment_1")

    report = pull_later()

    assert report.counts["members_deleted"] == 1
    assert differences(fake) == []
    assert not OutboxEntry.objects.exists()


def test_a_membership_made_here_and_not_yet_pushed_stays(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(30, segments=1)
    segment = fake.dashboard.create_segment("Fresh")
    pull_later()
    Contact.objects.get(email="person1@example.org").segments.add(
        Segment.objects.get(remote_id=segment.id)
    )

    pull_later()

    assert SegmentMembership.objects.filter(segment__name="Fresh").count() == 1


def test_a_membership_taken_away_here_does_not_come_back(
    pulled: Callable[..., FakeResend],
) -> None:
    pulled(30, segments=1)
    contact = Contact.objects.get(email="person1@example.org")
    contact.segments.clear()

    pull_later()

    assert not contact.segments.exists()


def test_a_heap_of_ended_memberships_waits_for_a_person(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(30, segments=1)
    for number in range(1, 12):
        fake.dashboard.remove_from_segment(f"person{number}@example.org", "Segment_1")

    report = pull_later()

    assert not report.complete
    assert "11 members of “Segment_1”" in report.stopped[0]
    assert SegmentMembership.objects.count() == 30
    assert pull_later(allow_deletions=True).complete
    assert SegmentMembership.objects.count() == 19


def test_what_was_deleted_at_resend_is_not_made_again_by_saving_a_stale_copy(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(5)
    stale = Contact.objects.get(email="person1@example.org")
    delete_at_resend(fake, 1)
    pull_later()

    stale.first_name = "Somebody"
    with pytest.raises(DatabaseError), transaction.atomic():
        stale.save()

    assert Contact.objects.count() == 4
    assert not OutboxEntry.objects.exists()


def test_a_pending_change_of_a_contact_deleted_at_resend_goes_with_it(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(5)
    Contact.objects.filter(email="person1@example.org").update(first_name="Somebody")
    delete_at_resend(fake, 1)

    pull_later()

    assert differences(fake) == []
    assert not OutboxEntry.objects.exists()


def test_an_opt_out_outlives_its_contact(pulled: Callable[..., FakeResend]) -> None:
    fake = pulled(5, topics=1)
    fake.dashboard.unsubscribe("person1@example.org")
    pull_later()
    delete_at_resend(fake, 1)
    pull_later()
    fake.dashboard.create_contact("Person1@Example.org")

    pull_later()

    contact = Contact.objects.for_address("person1@example.org").get()
    assert contact.unsubscribed
    assert OutboxEntry.objects.get().object_id == contact.pk


def test_a_topic_opt_out_outlives_its_contact(pulled: Callable[..., FakeResend]) -> None:
    fake = pulled(5, topics=1)
    fake.dashboard.choose_topic("person1@example.org", "Topic_1", "opt_out")
    with later():
        pull_all()
    delete_at_resend(fake, 1)
    pull_later()
    fake.dashboard.create_contact("person1@example.org")

    with later():
        pull_all()

    contact = Contact.objects.for_address("person1@example.org").get()
    assert TopicSubscription.objects.get(contact=contact).subscription == "opt_out"


def test_an_address_made_again_under_another_id_is_linked_anew(
    pulled: Callable[..., FakeResend],
) -> None:
    fake = pulled(5)
    pk = Contact.objects.get(email="person1@example.org").pk
    delete_at_resend(fake, 1)
    made = fake.dashboard.create_contact("person1@example.org", first_name="Person 1")

    pull_later()

    assert Contact.objects.get(pk=pk).remote_id == made.id
    assert differences(fake) == []


def test_what_a_mover_left_behind_still_goes_when_its_new_contact_is_deleted_there(
    resend_fake: FakeResend,
) -> None:
    board = resend_fake.dashboard
    board.create_contact("old@example.org")
    pull_all()
    contact = Contact.objects.get()
    contact.email = "new@example.org"
    contact.save()
    board.create_contact("new@example.org")
    with later():
        pull_all()
        board.delete_contact("new@example.org")
    with later(hours=2):
        pull_all()
        assert not Contact.objects.exists()
        push_outbox()

    assert resend_fake.state()["contacts"] == []
    assert not OutboxEntry.objects.exists()
