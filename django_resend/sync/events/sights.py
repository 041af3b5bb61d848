"""Whether an event is newer than all that the mirror has seen, or one has to ask."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from ...models import SyncRun
from ..runs import is_alive

MARGIN = timedelta(seconds=10)
"""How far Resend's clock and ours may be apart. Within it nobody knows what came first."""

RUNS_LOOKED_AT = 5


def last_list_read() -> datetime | None:
    """Until when lists of contacts and definitions may have been read; now, during a pull."""
    pulls = SyncRun.objects.filter(action=SyncRun.Action.PULL).exclude(scope="deep")
    read = [
        timezone.now()
        if run.state == SyncRun.State.RUNNING and is_alive(run)
        else run.finished_at or run.heartbeat_at
        for run in pulls.order_by("-id")[:RUNS_LOOKED_AT]
    ]
    return max(read, default=None)


def is_newer(at: datetime | None, *seen: datetime | None) -> bool:
    """Whether an event of then surely came after all these moments of our own clock."""
    return at is not None and all(moment is None or at > moment + MARGIN for moment in seen)


def is_covered(at: datetime | None, seen: datetime | None) -> bool:
    """Whether what was seen then surely includes an event of this moment."""
    return at is not None and seen is not None and at < seen - MARGIN


def reflected(read_at: datetime) -> datetime:
    """Up to when, by Resend's clock, a read that we began then surely reflects all events."""
    return read_at - MARGIN
