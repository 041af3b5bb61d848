"""Three-way merge: from base, local and remote to what each side must become. Pure functions.

States are dicts of a contact's or definition's values. A key that ``remote`` lacks says nothing.
After a merge, ``base`` is what Resend is known to hold; where ``local`` differs from it, there is
something to push.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Mapping[str, Any]
Side = Literal["remote", "local"]

EMPTY = ("", None)


@dataclass(frozen=True)
class Policy:
    """``winner`` where both sides changed a value; ``follow_opt_in``: see ``merge_consent``."""

    winner: Side = "remote"
    follow_opt_in: bool = True


@dataclass(frozen=True)
class Conflict:
    """Both sides changed one value, and differently."""

    name: str
    local: Any
    remote: Any
    winner: Side
    reason: Literal["policy", "opt_out"] = "policy"


@dataclass
class Merge:
    """What both sides agreed on (``base``) and must become (``local``), and what was decided."""

    local: dict[str, Any]
    base: dict[str, Any]
    conflicts: list[Conflict] = field(default_factory=list)
    opted_in: bool = False
    held: bool = False


def merge_values(base: State | None, local: State, remote: State, policy: Policy) -> Merge:
    """Merge plain values, key by key. ``base`` is ``None`` before the first agreement."""
    merged = Merge(dict(local), dict(base or {}))
    for name, theirs in remote.items():
        ours = local.get(name)
        known = base is not None and name in base
        merged.base[name] = theirs
        if ours == theirs or (known and theirs == _get(base, name)):
            continue
        if (known and ours == _get(base, name)) or (not known and ours in EMPTY):
            merged.local[name] = theirs
        elif known or theirs not in EMPTY:
            merged.conflicts.append(Conflict(name, ours, theirs, policy.winner))
            if policy.winner == "remote":
                merged.local[name] = theirs
    return merged


def merge_properties(base: State | None, local: State, remote: State, policy: Policy) -> Merge:
    """Merge custom properties, key by key; ``remote`` is complete: a key it lacks was deleted."""
    known = dict(base or {})
    names = {**known, **remote}
    told = {name: remote.get(name) for name in names}
    merged = merge_values(known if base is not None else None, local, told, policy)
    return Merge(_without_none(merged.local), _without_none(merged.base), merged.conflicts)


def merge_consent(
    base: bool | None, local: bool, remote: bool, policy: Policy
) -> tuple[bool, bool, bool]:
    """Merge one opt-out: ``True`` means opted out. Returns local, base, and whether it is held.

    An opt-out wins wherever no base proves who moved. An opt-in at Resend is followed only where
    both sides had agreed on the opt-out, so that it must be the person's own; unless the policy
    holds such rows for a human. A local opt-in, which only the explicit call can make, stays
    until it is pushed.
    """
    if local == remote:
        return local, remote, False
    if remote:
        return base is not True, True, False
    if base is not True:
        return True, False, False
    if policy.follow_opt_in:
        return False, False, False
    return True, True, True


def consent_conflict(name: str, base: bool | None, local: bool, remote: bool) -> list[Conflict]:
    """The conflict between two consents that no base explains: the opt-out's side won."""
    if base is not None or local == remote:
        return []
    return [Conflict(name, local, remote, "local" if local else "remote", "opt_out")]


def merge_contact(
    base: State | None, in_flight: State | None, local: State, remote: State, policy: Policy
) -> Merge:
    """Merge a contact: consent by its own rule, properties key by key, the rest as values.

    ``in_flight`` is what was being sent when an answer was lost: where Resend now has just that,
    both sides had agreed on it.
    """
    if in_flight:
        base = arrived(base, in_flight, remote)
    plain = {k: v for k, v in remote.items() if k not in ("unsubscribed", "properties")}
    merged = merge_values(base, local, plain, policy)
    if "unsubscribed" in remote:
        agreed = _get(base, "unsubscribed")
        opted_out, merged.base["unsubscribed"], merged.held = merge_consent(
            agreed, bool(local["unsubscribed"]), bool(remote["unsubscribed"]), policy
        )
        merged.opted_in = bool(local["unsubscribed"]) and not opted_out
        merged.local["unsubscribed"] = opted_out
        merged.conflicts += consent_conflict(
            "unsubscribed", agreed, bool(local["unsubscribed"]), bool(remote["unsubscribed"])
        )
    if "properties" in remote:
        inner = merge_properties(
            _get(base, "properties"), local["properties"], remote["properties"], policy
        )
        merged.local["properties"], merged.base["properties"] = inner.local, inner.base
        merged.conflicts += [
            Conflict(f"properties.{c.name}", c.local, c.remote, c.winner) for c in inner.conflicts
        ]
    return merged


def arrived(base: State | None, in_flight: State, remote: State) -> State | None:
    """The base, moved to what was in flight wherever Resend shows that it arrived."""
    moved = dict(base or {})
    for name, sent in in_flight.items():
        if name not in remote:
            continue
        if name == "properties":
            theirs = remote[name]
            inner = {
                key: value
                for key, value in dict(moved.get(name) or {}).items()
                if key not in sent or sent[key] is not None or key in theirs
            }
            inner |= {k: v for k, v in sent.items() if v is not None and theirs.get(k) == v}
            moved[name] = inner
        elif remote[name] == sent:
            moved[name] = sent
    return moved or None


def changes(base: State | None, local: State) -> dict[str, Any]:
    """What a PATCH must carry to bring Resend from ``base`` to ``local``; empty when in step.

    Where the base doesn't tell ``unsubscribed``, only an opt-out is sent: the person may have
    opted out unseen.
    Properties are merged by Resend key by key, and null deletes one (Resend docs: Contacts,
    Update contact).
    """
    known = base or {}
    changed = {
        name: value
        for name, value in local.items()
        if name != "properties" and (known[name] != value if name in known else value not in EMPTY)
    }
    if changed.get("unsubscribed") is False and known.get("unsubscribed") is not True:
        del changed["unsubscribed"]
    if "properties" in local:
        held = dict(known.get("properties") or {})
        wanted = local["properties"]
        inner = {k: v for k, v in wanted.items() if k not in held or held[k] != v}
        inner |= dict.fromkeys(k for k in held if k not in wanted)
        if inner:
            changed["properties"] = inner
    return changed


def _get(state: State | None, name: str) -> Any:
    return None if state is None else state.get(name)


def _without_none(state: State) -> dict[str, Any]:
    return {name: value for name, value in state.items() if value is not None}
