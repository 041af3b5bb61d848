"""A pull leaves out most of the list of contacts where their segments' lists show the same rows.

1,101 contacts in two segments: 12 pages of contacts, 6 of each segment, 3 lists of definitions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from django_resend.models import Contact, Segment, SegmentMembership, SyncRun, Tombstone
from django_resend.sync.coverage import find_coverage
from django_resend.sync.drift import repair_drift
from django_resend.sync.plan import plan_pull
from django_resend.sync.pull import PullReport, pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Throttle, Watcher, client_of, formula, later

pytestmark = pytest.mark.django_db

CONTACTS = 1100
WHOLE = 3 + 12 + 12
COVERED = 3 + 1 + 12


Rows = list[dict[str, Any]]


class Killed(BaseException):
    """No code of the engine can catch it and go on."""


def kill() -> None:
    raise Killed


def person(number: int) -> str:
    return f"person{number}@example.org"


@pytest.fixture
def fake(resend_fake: FakeResend) -> FakeResend:
    """Pulled once; the newest contact is two days younger than the others."""
    with later(days=-2):
        resend_fake.dashboard.seed(contacts=CONTACTS, segments=2)
    resend_fake.dashboard.create_contact("newest@example.org", segments=["Segment_1"])
    report = pull_all(deep=False)
    assert report.calls == WHOLE == formula(resend_fake, deep=False)
    resend_fake.ledger.reset()
    return resend_fake


def without(key: str, rows: Rows) -> Rows:
    return [{name: value for name, value in row.items() if name != key} for row in rows]


def pull_later(hours: float = 1, **options: Any) -> PullReport:
    with later(hours=hours):
        return pull_all(deep=False, **options)


def test_only_the_head_of_the_list_is_walked(fake: FakeResend) -> None:
    report = pull_later()

    assert report.calls == fake.ledger.total == COVERED
    assert fake.ledger.by_route["GET /contacts"] == 1
    assert differences(fake, deep=False) == []
    assert report.counts["contacts_unchanged"] == CONTACTS + 1


def test_a_pull_that_brings_nothing_writes_no_contact(fake: FakeResend) -> None:
    before = list(Contact.objects.order_by("pk").values())
    pull_later()
    assert list(Contact.objects.order_by("pk").values()) == before


def test_whatever_changed_arrives(fake: FakeResend) -> None:
    dashboard = fake.dashboard
    dashboard.edit_contact(person(1), first_name="Ada")
    dashboard.unsubscribe(person(2))
    dashboard.create_contact("alone@example.org", first_name="Alone")
    dashboard.create_contact("member@example.org", segments=["Segment_2"])
    dashboard.add_to_segment(person(3), "Segment_1")
    dashboard.remove_from_segment(person(5), "Segment_2")

    report = pull_later()

    assert differences(fake, deep=False) == []
    assert Contact.objects.get(email=person(1)).first_name == "Ada"
    assert Contact.objects.get(email=person(2)).unsubscribed
    # A second page, for the first held newcomers; and one read of whom no list shows any more.
    assert report.calls == COVERED + 2


def test_newcomers_in_no_segment_are_found_however_many_they_are(fake: FakeResend) -> None:
    for number in range(250):
        fake.dashboard.create_contact(f"new{number}@example.org")

    report = pull_later()

    assert differences(fake, deep=False) == []
    # Three pages hold newcomers, and the one after them shows that there are no more.
    assert report.calls == COVERED + 3


def test_those_who_come_into_the_list_below_its_newest_are_found(fake: FakeResend) -> None:
    """As an import's rows may that was committed late."""
    with later(days=-1):
        for number in range(150):
            fake.dashboard.create_contact(f"late{number}@example.org")

    report = pull_later()

    assert differences(fake, deep=False) == []
    assert report.calls == COVERED + 2


def test_a_contact_that_left_its_only_segment_stays(fake: FakeResend) -> None:
    fake.dashboard.remove_from_segment(person(1), "Segment_2")
    fake.dashboard.edit_contact(person(1), first_name="Ada")

    report = pull_later()

    contact = Contact.objects.get(email=person(1))
    assert (contact.first_name, contact.segments.count()) == ("Ada", 0)
    assert report.calls == COVERED + 1
    # It is in no segment now, so it is read singly from now on.
    assert pull_later(hours=2).calls == COVERED + 1


def test_those_whom_their_segments_lack_go_after_a_404_for_each(fake: FakeResend) -> None:
    for number in range(10):
        fake.dashboard.delete_contact(person(1 + number))

    report = pull_later()

    assert differences(fake, deep=False) == []
    assert report.counts["contacts_deleted"] == 10
    assert fake.ledger.by_route["GET /contacts/{id}"] == 10
    assert report.calls == COVERED + 10
    assert Tombstone.objects.filter(origin=Tombstone.Origin.REMOTE).count() == 10


@pytest.mark.parametrize("kind", ["html", "status"])
def test_a_404_that_is_not_resends_own_proves_nothing(fake: FakeResend, kind: str) -> None:
    fake.dashboard.delete_contact(person(1))
    body = "Not found" if kind == "status" else None
    fake.faults.add(kind, status=404, body=body, times=9, route="GET /contacts/{id}")

    report = pull_later()

    assert Contact.objects.filter(email=person(1)).exists()
    # What single reads don't tell, the list may; and asks for a proof again.
    assert report.calls == WHOLE - 1 + 2


def test_whom_resend_refuses_to_show_the_list_shows(fake: FakeResend) -> None:
    fake.dashboard.remove_from_segment(person(1), "Segment_2")
    fake.dashboard.edit_contact(person(1), first_name="Ada")
    fake.faults.add(status=422, times=9, route="GET /contacts/{id}")

    pull_later()

    assert Contact.objects.get(email=person(1)).first_name == "Ada"


def test_who_moves_while_being_read_is_not_taken_for_gone(fake: FakeResend) -> None:
    fake.dashboard.remove_from_segment(person(1), "Segment_2")
    contact = Contact.objects.get(email=person(1))

    def move() -> None:
        contact.email = "moved@example.org"
        contact.save()
        with client_of(fake) as another:
            push_outbox(client=another)

    with later(), client_of(fake, Throttle(COVERED + 1, move)) as client:
        pull_all(deep=False, client=client)

    assert Contact.objects.filter(pk=contact.pk, email="moved@example.org").exists()
    pull_later(hours=2)
    assert differences(fake, deep=False) == []


def test_rows_of_a_segment_that_tell_less_do_not_do(fake: FakeResend) -> None:
    fake.dashboard.unsubscribe(person(3))
    bodies = []
    with client_of(fake) as client:
        for segment in Segment.objects.order_by("pk"):
            for page in client.segments.contact_pages(str(segment.remote_id)):
                rows = without("unsubscribed", [row.raw for row in page.rows])
                bodies.append({"object": "list", "has_more": page.has_more, "data": rows})
    for body in bodies:
        fake.faults.add(status=200, body=body, times=1, route="GET /segments/{id}/contacts")

    pull_later()

    assert Contact.objects.get(email=person(3)).unsubscribed


def test_who_is_in_no_segment_goes_only_after_a_whole_sweep(fake: FakeResend) -> None:
    fake.dashboard.remove_from_segment(person(1), "Segment_2")
    pull_later()
    fake.ledger.reset()
    fake.dashboard.delete_contact(person(1))

    report = pull_later(hours=2)

    assert differences(fake, deep=False) == []
    assert fake.ledger.by_route["GET /contacts"] == 11
    # Asked once in vain, once as the proof.
    assert report.calls == WHOLE - 1 + 2


def test_where_single_reads_cost_more_the_list_is_walked_on(fake: FakeResend) -> None:
    for number in range(1, 40, 2):
        fake.dashboard.remove_from_segment(person(number), "Segment_2")

    report = pull_later()

    assert differences(fake, deep=False) == []
    assert report.calls == WHOLE
    # Twenty in no segment would be too many the next time as well.
    assert find_coverage() is None


@pytest.mark.parametrize("act", ["deleted", "broken"])
def test_a_segment_that_cannot_be_walked_leaves_its_contacts_to_the_list(
    fake: FakeResend, act: str
) -> None:
    fake.dashboard.delete_contact(person(1))

    def fail(stage: str, page: int) -> None:
        if (stage, page) != ("contacts", 1) or fake.ledger.by_route["GET /contacts"] > 1:
            return
        if act == "deleted":
            fake.dashboard.delete_segment("Segment_2")
        else:
            body = {"object": "list", "has_more": True, "data": []}
            route = "GET /segments/{id}/contacts"
            fake.faults.add(status=200, body=body, times=9, route=route)

    report = pull_later(progress=Watcher(fail))

    assert fake.ledger.by_route["GET /contacts"] == 11
    assert not Contact.objects.filter(email=person(1)).exists()
    assert report.complete == (act == "deleted")


def test_another_teams_key_deletes_nobody(fake: FakeResend) -> None:
    other = FakeResend()
    other.dashboard.seed(contacts=30, domain="example.com", segments=["Theirs"])

    with other.serve(), later(), client_of(other) as client:
        report = pull_all(deep=False, client=client)

    assert not report.complete
    assert Contact.objects.filter(email__endswith="@example.org").count() == CONTACTS + 1


def without_creation(rows: Rows) -> Rows:
    return without("created_at", rows)


def oldest_first(rows: Rows) -> Rows:
    return rows[::-1]


@pytest.mark.parametrize("odd", [without_creation, oldest_first])
def test_a_list_that_does_not_tell_ages_in_order_is_walked_whole(
    fake: FakeResend, odd: Callable[[Rows], Rows]
) -> None:
    with client_of(fake) as client:
        rows = [row.raw for row in client.contacts.page().rows]
    fake.ledger.reset()
    # The last row stays, for the next page is the one after it.
    page = {"object": "list", "has_more": True, "data": [*odd(rows[:-1]), *odd(rows[-1:])]}
    fake.faults.add(status=200, body=page, times=1, route="GET /contacts")

    report = pull_later()

    assert report.calls == WHOLE
    assert differences(fake, deep=False) == []


def test_a_day_later_the_whole_list_is_walked_again(fake: FakeResend) -> None:
    assert pull_later(hours=19).calls == COVERED
    assert pull_later(hours=23.9).calls == WHOLE
    assert pull_later(hours=25).calls == COVERED


def test_it_can_be_asked_for(fake: FakeResend) -> None:
    assert pull_later(full=True).calls == WHOLE


def test_a_repair_walks_the_whole_list(fake: FakeResend) -> None:
    with later():
        assert repair_drift().calls == WHOLE


def test_rows_deleted_past_the_app_come_back(fake: FakeResend) -> None:
    fake.dashboard.remove_from_segment(person(1), "Segment_2")
    pull_later()
    Contact.untracked.filter(email=person(1)).delete()

    assert pull_later(hours=2).calls == WHOLE
    assert differences(fake, deep=False) == []


def test_rows_deleted_through_the_app_do_not_count_as_lost(fake: FakeResend) -> None:
    Contact.objects.get(email=person(1)).delete()
    assert find_coverage() is not None


def test_a_deletion_that_is_not_pushed_does_not_count_as_lost(
    fake: FakeResend, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "DIRECTION": "pull"}
    Contact.objects.get(email=person(1)).delete()

    assert [pull_later(hours=hours).calls for hours in (1, 25, 26)] == [COVERED, WHOLE, COVERED]


def test_a_repair_goes_on_with_no_pull_that_left_the_list_out(fake: FakeResend) -> None:
    fake.dashboard.create_topic("News")
    with later(), client_of(fake, Throttle(COVERED + 60, kill)) as client, pytest.raises(Killed):
        pull_all(client=client)
    fake.dashboard.remove_from_segment(person(1), "Segment_2")
    Contact.untracked.filter(email=person(1)).delete()

    with later(hours=2):
        repair_drift(deep=True)

    assert Contact.objects.filter(email=person(1)).exists()


def test_a_segment_deleted_here_meanwhile_has_shown_nobody(fake: FakeResend) -> None:
    fake.dashboard.delete_contact(person(1))

    def delete_segment(stage: str, page: int) -> None:
        if (stage, page) == ("contacts", 1):
            Segment.untracked.filter(name="Segment_2").delete()

    pull_later(progress=Watcher(delete_segment))

    assert fake.ledger.by_route["GET /contacts"] == 11


def test_a_walk_that_is_begun_again_still_ends_with_its_head(fake: FakeResend) -> None:
    for number in range(250):
        fake.dashboard.create_contact(f"new{number}@example.org")

    def fail(stage: str, page: int) -> None:
        if (stage, page) == ("contacts", 1):
            fake.faults.add(status=422, times=1, route="GET /contacts")

    report = pull_later(progress=Watcher(fail))

    assert differences(fake, deep=False) == []
    assert report.calls < WHOLE


def test_a_sweep_that_was_stopped_vouches_for_nothing(fake: FakeResend) -> None:
    SyncRun.objects.update(state=SyncRun.State.STOPPED)
    assert pull_later().calls == WHOLE


def test_short_lists_are_walked_whole(resend_fake: FakeResend) -> None:
    with later(days=-2):
        resend_fake.dashboard.seed(contacts=900, segments=1)
    for hours in (0, 1):
        resend_fake.ledger.reset()
        assert pull_later(hours=hours or 0.01).calls == formula(resend_fake, deep=False)


def test_the_plan_says_so(fake: FakeResend) -> None:
    fake.dashboard.remove_from_segment(person(1), "Segment_2")
    pull_later()

    with later(hours=2):
        plan = plan_pull(deep=False, coverage=find_coverage())
        report = pull_all(deep=False)

    assert plan.calls == report.calls == report.planned_calls == COVERED + 1
    assert plan_pull(deep=False).calls == WHOLE


@pytest.mark.slow
@pytest.mark.parametrize("full", [False, True], ids=["alike", "full"])
@pytest.mark.parametrize("call", [4, 5, 9, 10, 16, 17, 22, 23])
def test_a_killed_pull_goes_on_where_it_stopped(fake: FakeResend, call: int, full: bool) -> None:
    for number in range(1, 13, 2):
        fake.dashboard.delete_contact(person(number))
    fake.dashboard.remove_from_segment(person(21), "Segment_2")
    fake.dashboard.edit_contact(person(2), first_name="Ada")
    with later(hours=1), client_of(fake, Throttle(call, kill)) as client, pytest.raises(Killed):
        pull_all(deep=False, client=client)
    assert fake.ledger.total == call - 1

    report = pull_later(hours=2, full=full)

    # A full pull goes on with none that left the list to the segments.
    assert report.resumed == (not full)
    assert differences(fake, deep=False) == []
    if not full and call > 5:
        # At most the page and the single reads that weren't stored yet are read again.
        assert fake.ledger.total <= COVERED + 7 + 1 + 6


def test_a_paused_pull_goes_on_where_it_stopped(fake: FakeResend) -> None:
    fake.dashboard.delete_contact(person(1))
    slices = 0
    with later():
        while pull_all(deep=False, seconds=0).more:
            slices += 1

    assert slices > 10
    assert differences(fake, deep=False) == []
    assert fake.ledger.total <= COVERED + 1 + 1


def test_what_the_cursor_keeps_stays_small(fake: FakeResend) -> None:
    with client_of(fake, Throttle(12, kill)) as client, later(), pytest.raises(Killed):
        pull_all(deep=False, client=client)
    assert len(json.dumps(SyncRun.objects.latest("pk").cursor)) < 2000


def test_memberships_are_pulled_as_ever(fake: FakeResend) -> None:
    count = SegmentMembership.objects.count()
    fake.dashboard.create_contact("member@example.org", segments=["Segment_1", "Segment_2"])
    pull_later()
    assert SegmentMembership.objects.count() == count + 2
