"""How the budget stands: what a plan is priced by, and what a status shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ...conf import resend_settings
from .pace import (
    SECOND,
    UNLIMITED,
    calls_in_last_minute,
    calls_today,
    rate_at,
    whole_rate,
)
from .pause import paused_until
from .stores import open_store


@dataclass(frozen=True)
class Usage:
    """Calls a second: the team's ``limit`` if known, the part ``kept_free``, the ``rate`` now.

    ``slowed`` where others spend of the limit. ``used`` is the share of the limit that the calls
    of the last minute were. Without a limit nothing is counted.
    """

    limit: float | None
    kept_free: float
    rate: float
    slowed: bool
    calls_last_minute: int
    calls_today: int
    used: float
    paused_until: datetime | None


def read_usage(now: float | None = None) -> Usage:
    """Read the budget from its store, and the pause from the database.

    As of ``now`` (seconds since 1970), by default the store's own clock.
    """
    store = open_store()
    state = store.read()
    instant = int((store.now() if now is None else now) * SECOND)
    fixed = resend_settings.rate_limit
    whole = whole_rate(state)
    limit = state.limit if fixed is None else fixed
    last_minute = calls_in_last_minute(state, instant)
    return Usage(
        limit=limit if limit and whole < UNLIMITED else None,
        kept_free=limit - whole if limit and whole < UNLIMITED else 0.0,
        rate=rate_at(state, instant),
        slowed=rate_at(state, instant) < whole,
        calls_last_minute=last_minute,
        calls_today=calls_today(state, instant),
        used=last_minute / 60 / (limit or whole),
        paused_until=paused_until(),
    )


def current_rate() -> float:
    """Calls a second that the mirror allows itself, by the settings or as last learned."""
    fixed = resend_settings.rate_limit
    if fixed is not None:
        return fixed or UNLIMITED
    store = open_store()
    return rate_at(store.read(), int(store.now() * SECOND))
