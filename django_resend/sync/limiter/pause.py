"""A used-up quota: nobody calls until it begins anew, or a person says so.

Kept in the database whatever the store, for it must outlive a cache.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from ...client import Reply
from ...models import CallBudget
from ..errors import QuotaPaused
from .team import TEAM, ensure_team

LONGEST = timedelta(days=31)
"""No quota lasts longer; a Retry-After that asks for more is taken for a slip."""


def pause(reply: Reply, now: float) -> None:
    """Pause until the quota's reset, from this instant (seconds since 1970)."""
    ensure_team()
    CallBudget.objects.filter(team=TEAM).update(paused_until=_reset(reply, now))


def paused_until() -> datetime | None:
    """When calls are allowed again, if they aren't now."""
    until = CallBudget.objects.filter(team=TEAM).values_list("paused_until", flat=True).first()
    return until if until is not None and until > timezone.now() else None


def ensure_unpaused() -> None:
    """Raise ``QuotaPaused`` during a pause."""
    until = paused_until()
    if until is not None:
        raise QuotaPaused(
            "The Resend team's quota was used up: no call is made until "
            f"{timezone.localtime(until):%Y-%m-%d %H:%M %Z}. What waits stays. To call before, "
            "raise the plan at Resend and run resend_status --resume.",
            until,
        )


def resume() -> bool:
    """Lift the pause; returns whether there was one."""
    paused = CallBudget.objects.filter(team=TEAM, paused_until__gt=timezone.now())
    return bool(paused.update(paused_until=None))


def _reset(reply: Reply, now: float) -> datetime:
    """As told, else the next midnight UTC for a daily quota and a day for any other."""
    moment = datetime.fromtimestamp(now, UTC)
    if reply.retry_after:
        return moment + min(timedelta(seconds=reply.retry_after), LONGEST)
    tomorrow = moment + timedelta(days=1)
    if reply.name == "daily_quota_exceeded":
        return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
    return tomorrow
