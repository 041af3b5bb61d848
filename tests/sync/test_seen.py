"""The set of keys that a sweep has met."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from django_resend.sync.seen import Seen

KEYS = st.sets(st.integers(min_value=1, max_value=10**12))


@given(KEYS, st.integers(min_value=1, max_value=10**12))
def test_it_holds_just_what_was_added(keys: set[int], other: int) -> None:
    seen = Seen(keys)

    assert all(key in seen for key in keys)
    assert (other in seen) == (other in keys)


@given(KEYS, KEYS)
def test_it_is_the_same_after_a_night_in_the_database(first: set[int], more: set[int]) -> None:
    seen = Seen.unpack(json.loads(json.dumps(Seen(first).pack())))
    seen.add(more)

    assert all(key in seen for key in first | more)
    assert not any(key + 1 in seen for key in first | more if key + 1 not in first | more)


def test_a_million_neighbours_are_stored_in_a_few_kilobytes() -> None:
    assert len(json.dumps(Seen(range(1, 1_000_001)).pack())) < 10_000
