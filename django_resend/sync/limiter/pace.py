"""How fast the site may call: pure functions over the budget's state.

The mirror may call at the team's limit less ``HEADROOM``. Where others are seen to spend of the
same limit it takes a share of that: cut at once, won back slowly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from ...client import Reply
from ...conf import resend_settings

FIRST_RATE = 2.0
"""Calls a second until a reply tells the true limit (the lowest default Resend has had)."""

UNLIMITED = 1000.0
"""From this rate on, in calls a second, no slots are reserved: calls can't come that fast."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE

CUT = 0.5
"""What a 429 leaves of the share."""

SMALLEST_SHARE = 0.2
"""With less, the slots that others wait for would lie minutes ahead when it grows again."""

RECOVERY = 0.02
"""The part of the whole rate that is won back each second."""

REST = 5 * SECOND
"""How long a share stays as it is before it grows again."""

LONGEST_QUEUE = 5 * MINUTE
"""No crowd of processes waits so long; a next free instant beyond it is by a wrong clock."""

BLIND = 2 * SECOND
"""After a cut, replies still tell of calls made before it."""

JITTER = 0.05
"""The part of the limit by which calls may bunch on their way to Resend."""


@dataclass(frozen=True)
class State:
    """The budget as all processes share it; instants, minutes and days count from 1970."""

    version: int = 0
    """Grows with every change."""
    next_free_us: int = 0
    held_until_us: int = 0
    """Nobody calls before this instant, by Resend's Retry-After. Slots taken earlier are void."""
    limit: float | None = None
    """The team's limit in calls a second, as the last reply told it."""
    share: float = 1.0
    """What is left of the whole rate since ``slowed_us``."""
    slowed_us: int = 0
    day: int = 0
    day_calls: int = 0
    minute: int = 0
    minute_calls: int = 0
    minute_before_calls: int = 0


def whole_rate(state: State) -> float:
    """Calls a second where nobody else spends of the team's limit."""
    fixed = resend_settings.rate_limit
    if fixed is not None:
        return fixed or UNLIMITED
    if state.limit is None:
        return FIRST_RATE
    return min(UNLIMITED, state.limit * (1 - resend_settings.headroom))


def rate_at(state: State, now: int) -> float:
    """Calls a second that the mirror allows itself at this instant."""
    whole = whole_rate(state)
    return whole if whole >= UNLIMITED else whole * _share_at(state, now)


def reserve(state: State, now: int) -> tuple[int, State]:
    """The next free slot, and the state after it was taken."""
    slot = max(now, state.next_free_us)
    if slot > now + LONGEST_QUEUE:
        slot = max(now, state.held_until_us)
    following = slot + int(SECOND / rate_at(state, now))
    taken = replace(state, version=state.version + 1, next_free_us=following)
    return slot, _counted(taken, slot)


def hear(state: State, reply: Reply, now: int) -> State:
    """The state after a reply; the same where it tells nothing new."""
    heard = state
    told = reply.limit / reply.window if reply.limit else None
    if told and told != state.limit:
        heard = replace(heard, limit=told)
    if reply.status == 429 and not reply.is_quota:
        wait = reply.retry_after or reply.reset or 1.0
        until = now + int(wait * SECOND)
        if until > heard.held_until_us:
            heard = replace(heard, held_until_us=until, next_free_us=until)
        if now >= state.held_until_us:
            heard = _slowed(heard, now, CUT * _share_at(heard, now))
    elif now >= state.slowed_us + BLIND:
        left = _share_left(heard, reply, now)
        if left is not None:
            heard = _slowed(heard, now, left)
    return heard if heard is state else replace(heard, version=state.version + 1)


def calls_in_last_minute(state: State, now: int) -> int:
    """About so many: what the last full minute had is taken to have come evenly."""
    minute, passed = divmod(now, MINUTE)
    rest = 1 - passed / MINUTE
    if state.minute == minute:
        return round(state.minute_calls + state.minute_before_calls * rest)
    return round(state.minute_calls * rest) if state.minute == minute - 1 else 0


def calls_today(state: State, now: int) -> int:
    """Since midnight UTC, when Resend's daily quota begins anew."""
    return state.day_calls if state.day == now // DAY else 0


def _share_at(state: State, now: int) -> float:
    won_back = max(0, now - state.slowed_us - REST) / SECOND * RECOVERY
    return min(1.0, state.share + won_back)


def _slowed(state: State, now: int, share: float) -> State:
    share = max(SMALLEST_SHARE, min(share, _share_at(state, now)))
    return replace(state, share=share, slowed_us=now)


def _share_left(state: State, reply: Reply, now: int) -> float | None:
    """What others leave, if they are proved to be there and the limit is nearly used up.

    Proved: more is used up than our own calls can be.
    """
    if reply.limit is None or reply.remaining is None:
        return None
    ours = int(rate_at(state, now) * reply.window) + 1 + int(reply.limit * JITTER)
    others = reply.limit - reply.remaining - ours
    room = reply.limit * (resend_settings.headroom + JITTER)
    if others <= 0 or reply.remaining > ceil(room):
        return None
    left = reply.limit * (1 - resend_settings.headroom) - others
    return left / reply.window / whole_rate(state)


def _counted(state: State, slot: int) -> State:
    day, minute = slot // DAY, slot // MINUTE
    if minute == state.minute:
        calls, before = state.minute_calls, state.minute_before_calls
    else:
        calls, before = 0, state.minute_calls if minute == state.minute + 1 else 0
    return replace(
        state,
        day=day,
        day_calls=1 + (state.day_calls if day == state.day else 0),
        minute=minute,
        minute_calls=calls + 1,
        minute_before_calls=before,
    )
