"""The three-way merge, as rules that hold for all values."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_resend.sync.merge import (
    Policy,
    arrived,
    changes,
    consent_conflict,
    merge_consent,
    merge_contact,
    merge_properties,
    merge_values,
)

REMOTE_WINS = Policy("remote")
LOCAL_WINS = Policy("local")
policies = st.builds(Policy, st.sampled_from(["remote", "local"]), st.booleans())
values = st.sampled_from(["", "a", "b", "c"])
states = st.fixed_dictionaries({"first_name": values, "last_name": values})
properties = st.dictionaries(st.sampled_from(["plan", "seats", "x"]), st.sampled_from(["a", 1, 2]))


def contact_states() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "first_name": values,
            "last_name": values,
            "unsubscribed": st.booleans(),
            "properties": properties,
        }
    )


@given(st.none() | states, states, states, policies)
def test_after_a_merge_the_base_is_what_resend_has(
    base: Any, local: Any, remote: Any, policy: Policy
) -> None:
    assert merge_values(base, local, remote, policy).base == {**(base or {}), **remote}


@given(states, states, policies)
def test_a_value_changed_on_one_side_only_is_taken_over(
    base: Any, changed: Any, policy: Policy
) -> None:
    assert merge_values(base, base, changed, policy).local == changed
    assert merge_values(base, changed, base, policy).local == changed


@given(states, states, states)
def test_a_value_changed_on_both_sides_goes_to_the_winner_and_is_told(
    base: Any, local: Any, remote: Any
) -> None:
    for policy, side in ((REMOTE_WINS, remote), (LOCAL_WINS, local)):
        merged = merge_values(base, local, remote, policy)
        fought = {c.name for c in merged.conflicts}
        for name in base:
            both = local[name] != base[name] != remote[name] and local[name] != remote[name]
            assert (name in fought) == both
            if both:
                assert merged.local[name] == side[name]
        for conflict in merged.conflicts:
            assert conflict.winner == policy.winner
            assert (conflict.local, conflict.remote) == (
                local[conflict.name],
                remote[conflict.name],
            )


@given(st.none() | states, states, states, policies)
def test_a_merge_done_twice_changes_nothing_more(
    base: Any, local: Any, remote: Any, policy: Policy
) -> None:
    once = merge_values(base, local, remote, policy)
    twice = merge_values(once.base, once.local, remote, policy)
    assert (twice.local, twice.base, twice.conflicts) == (once.local, once.base, [])


@given(st.none() | contact_states(), contact_states(), st.sets(st.sampled_from(["first_name"])))
def test_a_key_that_is_not_told_is_not_touched(base: Any, local: Any, told: set[str]) -> None:
    remote = dict.fromkeys(told, "new")
    merged = merge_contact(base, None, local, remote, REMOTE_WINS)
    for name in set(local) - told:
        assert merged.local[name] == local[name]


def test_without_a_base_a_filled_value_beats_an_empty_one() -> None:
    merged = merge_values(None, {"a": "", "b": "ours"}, {"a": "theirs", "b": ""}, REMOTE_WINS)
    assert merged.local == {"a": "theirs", "b": "ours"}
    assert merged.conflicts == []
    assert changes(merged.base, merged.local) == {"b": "ours"}


CONSENT = [
    # base, local, remote, follow -> local, base, held
    (None, False, False, True, (False, False, False)),
    (None, True, True, True, (True, True, False)),
    (None, True, False, True, (True, False, False)),
    (None, False, True, True, (True, True, False)),
    (False, True, False, True, (True, False, False)),
    (False, False, True, True, (True, True, False)),
    (True, True, False, True, (False, False, False)),
    (True, True, False, False, (True, True, True)),
    (True, False, True, True, (False, True, False)),
    (True, False, False, True, (False, False, False)),
    (False, True, True, True, (True, True, False)),
]


@pytest.mark.parametrize(("base", "local", "remote", "follow", "expected"), CONSENT)
def test_consent(base: Any, local: bool, remote: bool, follow: bool, expected: Any) -> None:
    policy = Policy(follow_opt_in=follow)
    assert merge_consent(base, local, remote, policy) == expected


@given(st.none() | st.booleans(), st.booleans(), st.booleans(), policies)
def test_the_mirror_follows_an_opt_in_only_where_both_sides_had_agreed_on_the_opt_out(
    base: bool | None, local: bool, remote: bool, policy: Policy
) -> None:
    opted_out, _, _ = merge_consent(base, local, remote, policy)
    if local and not opted_out:
        assert base is True
        assert remote is False
        assert policy.follow_opt_in


@given(st.none() | st.booleans(), st.booleans(), st.booleans(), policies)
def test_a_merge_asks_to_loosen_consent_at_resend_only_for_a_local_opt_in(
    base: bool | None, local: bool, remote: bool, policy: Policy
) -> None:
    opted_out, agreed, _ = merge_consent(base, local, remote, policy)
    if agreed and not opted_out:
        assert base is True
        assert local is False
        assert remote is True


@given(st.none() | properties, properties, properties, policies)
def test_properties_merge_key_by_key(base: Any, local: Any, remote: Any, policy: Policy) -> None:
    merged = merge_properties(base, local, remote, policy)
    assert merged.base == remote
    for key in {*(base or {}), *local, *remote}:
        ours, theirs, agreed = local.get(key), remote.get(key), (base or {}).get(key)
        if ours == theirs or (key in (base or {}) and theirs == agreed):
            assert merged.local.get(key) == ours
        elif base is not None and ours == agreed:
            assert merged.local.get(key) == theirs


def test_a_property_deleted_at_resend_is_deleted_here() -> None:
    merged = merge_properties({"plan": "pro"}, {"plan": "pro"}, {}, REMOTE_WINS)
    assert (merged.local, merged.base) == ({}, {})


def test_a_property_deleted_here_is_sent_as_null() -> None:
    merged = merge_properties({"plan": "pro"}, {}, {"plan": "pro"}, REMOTE_WINS)
    assert changes({"properties": merged.base}, {"properties": merged.local}) == {
        "properties": {"plan": None}
    }


@given(contact_states(), contact_states(), policies)
def test_sending_the_changes_brings_resend_to_the_local_state(
    base: Any, local: Any, policy: Policy
) -> None:
    sent = changes(base, local)
    theirs = {**base, **{k: v for k, v in sent.items() if k != "properties"}}
    inner = {**base["properties"], **sent.get("properties", {})}
    theirs["properties"] = {k: v for k, v in inner.items() if v is not None}
    assert theirs == local
    assert not merge_contact(base, sent, local, theirs, policy).conflicts


@given(contact_states())
def test_in_step_there_is_nothing_to_send(state: Any) -> None:
    assert changes(state, state) == {}


@pytest.mark.parametrize("base", [None, {}, {"first_name": "A"}, {"unsubscribed": False}])
def test_a_subscription_is_never_sent_where_no_opt_out_was_agreed_on(base: Any) -> None:
    assert changes(base, {"first_name": "", "unsubscribed": False}).get("unsubscribed") is None


@pytest.mark.parametrize("base", [None, {}, {"unsubscribed": False}])
def test_an_opt_out_is_sent_whatever_is_known(base: Any) -> None:
    assert changes(base, {"unsubscribed": True}) == {"unsubscribed": True}


def test_our_own_write_whose_answer_was_lost_is_no_conflict() -> None:
    base = {"first_name": "A", "unsubscribed": False, "properties": {"plan": "free"}}
    sent = {"first_name": "B", "properties": {"plan": "pro", "seats": None}}
    local = {"first_name": "C", "unsubscribed": False, "properties": {"plan": "max"}}
    remote = {"first_name": "B", "unsubscribed": False, "properties": {"plan": "pro"}}
    merged = merge_contact(base, sent, local, remote, REMOTE_WINS)
    assert merged.local == local
    assert merged.conflicts == []
    assert changes(merged.base, merged.local) == {"first_name": "C", "properties": {"plan": "max"}}


@given(st.none() | contact_states(), contact_states(), contact_states())
def test_what_did_not_arrive_moves_no_base(base: Any, sent: Any, remote: Any) -> None:
    moved = arrived(base, sent, remote) or {}
    for name in ("first_name", "last_name", "unsubscribed"):
        if remote[name] != sent[name]:
            assert moved.get(name) == (base or {}).get(name)
        else:
            assert moved[name] == sent[name]


def test_a_followed_opt_in_is_told() -> None:
    base = local = {"unsubscribed": True}
    merged = merge_contact(base, None, local, {"unsubscribed": False}, REMOTE_WINS)
    assert (merged.opted_in, merged.held) == (True, False)
    held = merge_contact(base, None, local, {"unsubscribed": False}, Policy(follow_opt_in=False))
    assert (held.opted_in, held.held, held.local["unsubscribed"]) == (False, True, True)


CONSENT_CONFLICTS = [
    # base, local, remote -> winner
    (None, True, False, "local"),
    (None, False, True, "remote"),
    (None, True, True, None),
    (None, False, False, None),
    (True, True, False, None),
    (True, False, True, None),
    (False, True, False, None),
    (False, False, True, None),
]


@pytest.mark.parametrize(("base", "local", "remote", "winner"), CONSENT_CONFLICTS)
def test_two_consents_are_in_conflict_only_where_they_differ_and_no_base_explains_it(
    base: bool | None, local: bool, remote: bool, winner: str | None
) -> None:
    found = consent_conflict("unsubscribed", base, local, remote)
    assert [c.winner for c in found] == ([winner] if winner else [])
    assert all((c.local, c.remote, c.reason) == (local, remote, "opt_out") for c in found)


def parsed(state: Any) -> Any:
    """The same keys and values as other objects, as they come from two JSON documents."""
    return json.loads(
        json.dumps(state), object_pairs_hook=lambda pairs: {"".join([*k]): v for k, v in pairs}
    )


LONG = {
    "first_name": "a name of more than one word",
    "unsubscribed": False,
    "properties": {"plan": "a plan of more than one word", "seats": 1234567},
}


def test_values_are_compared_by_what_they_are() -> None:
    states = (parsed(LONG), parsed(LONG), parsed(LONG))
    merged = merge_contact(states[0], None, states[1], states[2], LOCAL_WINS)
    assert (merged.local, merged.base, merged.conflicts) == (LONG, LONG, [])
    assert changes(parsed(LONG), parsed(LONG)) == {}
    assert arrived(None, parsed(LONG), parsed(LONG)) == LONG
    other = {**parsed(LONG), "first_name": "another name"}
    winner = parsed("remote")
    for base, local, remote in (
        (LONG, LONG, other),
        (LONG, other, LONG),
        (None, other, other),
    ):
        merged = merge_contact(parsed(base), None, parsed(local), parsed(remote), Policy(winner))
        assert merged.local == other
        assert merged.conflicts == []
    fought = merge_contact(parsed(LONG), None, {**LONG, "first_name": "x"}, other, Policy(winner))
    assert fought.local == other


def test_what_arrived_is_told_key_by_key() -> None:
    base = {"first_name": "A", "properties": {"plan": "free", "kept": 1, "gone": 2}}
    sent = {
        "nickname": "unheard of",
        "first_name": "B",
        "properties": {"plan": "pro", "kept": None, "gone": None},
    }
    remote = {"first_name": "B", "properties": {"kept": 1}}
    assert arrived(parsed(base), parsed(sent), parsed(remote)) == {
        "first_name": "B",
        "properties": {"plan": "free", "kept": 1},
    }
    elsewhere = {"first_name": "B", "properties": {"plan": "max", "kept": 1, "gone": 2}}
    assert arrived(base, sent, elsewhere) == {**base, "first_name": "B"}


def test_a_merge_of_plain_values_decides_nothing_about_consent() -> None:
    merged = merge_values({"a": "1"}, {"a": "1"}, {"a": "2"}, REMOTE_WINS)
    assert (merged.opted_in, merged.held) == (False, False)


@pytest.mark.parametrize("name", ["winner", "follow_opt_in"])
def test_policies_and_conflicts_are_fixed(name: str) -> None:
    (conflict,) = consent_conflict("unsubscribed", None, True, False)
    with pytest.raises(FrozenInstanceError):
        setattr(REMOTE_WINS, name, None)
    with pytest.raises(FrozenInstanceError):
        setattr(conflict, "winner", None)  # noqa: B010  (assigned plainly, mypy refuses it)
