"""Lists page newest first with exclusive id cursors."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_resend.testing import Clock, FakeResend

from .caller import Caller, error_of

NOON = 1_790_000_000


def ids(listing: Any) -> list[str]:
    return [row["id"] for row in listing["data"]]


def walk(call: Caller, target: str, limit: int) -> list[str]:
    """All ids of a list, page by page."""
    seen: list[str] = []
    page = call.get(f"{target}?limit={limit}")
    while True:
        seen += ids(page)
        if not page["has_more"]:
            return seen
        assert len(page["data"]) == limit
        page = call.get(f"{target}?limit={limit}&after={seen[-1]}")


@given(
    ages=st.lists(st.integers(0, 5), max_size=30),
    limit=st.integers(1, 10),
    gone=st.sets(st.integers(0, 29)),
)
def test_a_walk_shows_every_row_once_newest_first(
    ages: list[int], limit: int, gone: set[int]
) -> None:
    clock = Clock(NOON)
    fake = FakeResend(clock=clock)
    call = Caller(fake)
    segment = fake.dashboard.create_segment("VIP").id
    made: list[tuple[int, int, str]] = []
    for number, age in enumerate(ages):
        clock.set(NOON - age)
        email = f"person{number}@example.org"
        row = fake.dashboard.create_contact(email, segments=["VIP"])
        if number in gone:
            fake.dashboard.delete_contact(email)
        else:
            made.append((-age, number, row.id))
    expected = [row_id for _, _, row_id in sorted(made, reverse=True)]
    for target in ("/contacts", f"/segments/{segment}/contacts"):
        assert walk(call, target, limit) == expected
        assert ids(call.get(target)) == expected


def test_before_walks_to_newer_rows(fake: FakeResend, call: Caller) -> None:
    fake.dashboard.seed(contacts=7)
    newest_first = ids(call.get("/contacts"))
    page = call.get(f"/contacts?limit=3&before={newest_first[5]}")
    assert ids(page) == newest_first[2:5]
    assert page["has_more"] is True
    page = call.get(f"/contacts?limit=3&before={newest_first[2]}")
    assert (ids(page), page["has_more"]) == (newest_first[:2], False)


def test_a_row_deleted_elsewhere_shifts_nothing(fake: FakeResend, call: Caller) -> None:
    fake.dashboard.seed(contacts=10)
    first = call.get("/contacts?limit=5")
    call("DELETE", f"/contacts/{ids(first)[0]}")
    rest = call.get(f"/contacts?limit=5&after={ids(first)[-1]}")
    assert len(ids(rest)) == 5


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "validation_error"),
        ("limit=101", "validation_error"),
        ("limit=-1", "validation_error"),
        ("limit=ten", "validation_error"),
        ("limit=", "validation_error"),
        ("after=xyz", "invalid_parameter"),
        ("before=00000000-0000-0000-0000-000000000000", "invalid_parameter"),
    ],
)
@pytest.mark.parametrize("target", ["/contacts", "/topics", "/segments"])
def test_bad_limits_and_cursors(call: Caller, target: str, query: str, name: str) -> None:
    assert error_of(call("GET", f"{target}?{query}")) == (422, name)


def test_both_cursors_at_once(fake: FakeResend, call: Caller) -> None:
    fake.dashboard.seed(contacts=1)
    (row,) = ids(call.get("/contacts"))
    reply = call("GET", f"/contacts?after={row}&before={row}")
    assert error_of(reply) == (422, "validation_error")


@pytest.mark.parametrize(
    ("target", "rows"),
    [("/contacts", 30), ("/segments", 30), ("/topics", 20), ("/contact-properties", 20)],
)
def test_without_a_limit_older_lists_give_all_and_newer_ones_twenty(
    fake: FakeResend, call: Caller, target: str, rows: int
) -> None:
    fake.dashboard.seed(contacts=30, segments=30, topics=30, properties=30)
    page = call.get(target)
    assert (len(page["data"]), page["has_more"]) == (rows, rows < 30)


def test_timestamps_are_postgres_text_without_trailing_zeros(
    clock: Clock, fake: FakeResend, call: Caller
) -> None:
    for moment in (NOON, NOON + 0.5, NOON + 0.84216, NOON + 0.000001):
        clock.set(moment)
        fake.dashboard.create_contact(f"person{moment}@example.org")
    times = [row["created_at"] for row in reversed(call.get("/contacts")["data"])]
    assert times == [
        "2026-09-21 14:13:20+00",
        "2026-09-21 14:13:20.000001+00",
        "2026-09-21 14:13:20.5+00",
        "2026-09-21 14:13:20.84216+00",
    ]
    assert all(older < newer for older, newer in pairwise(times[1:]))
