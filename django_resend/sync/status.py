"""How the mirror stands: what waits, what was refused, when it last ran. No call is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from ..conf import resend_settings
from ..models import (
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    SegmentMembership,
    SyncRun,
    Topic,
    TopicSubscription,
)
from .limiter import current_rate

REFUSED_SHOWN = 20


@dataclass(frozen=True)
class LastRun:
    """The latest run of one sort."""

    action: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    calls: int
    message: str


@dataclass(frozen=True)
class Refused:
    """An outbox entry that Resend refused, with its words."""

    what: str
    object_id: int
    status: int | None
    name: str
    message: str


@dataclass(frozen=True)
class Status:
    """``rows`` in the mirror by kind; ``waiting`` and ``refused`` outbox entries."""

    configured: bool
    direction: str
    rate: float
    rows: dict[str, int]
    waiting: int
    oldest_waiting: datetime | None
    refused: int
    refusals: list[Refused]
    runs: list[LastRun]

    @property
    def healthy(self) -> bool:
        return not self.refused and all(run.state != SyncRun.State.FAILED for run in self.runs)


def read_status() -> Status:
    """Read how the mirror stands, in a constant number of queries."""
    counted = OutboxEntry.objects.values_list("state").annotate(Count("pk"), Min("changed_at"))
    entries = {state: count for state, count, _ in counted}
    oldest = {state: changed_at for state, _, changed_at in counted}
    refused = OutboxEntry.objects.filter(state=OutboxEntry.State.REFUSED).order_by("-changed_at")
    models = (
        Contact,
        Segment,
        ContactProperty,
        Topic,
        SegmentMembership,
        TopicSubscription,
    )
    return Status(
        configured=bool(resend_settings.api_key),
        direction=resend_settings.direction,
        rate=current_rate(),
        rows={str(m._meta.verbose_name_plural): m.untracked.count() for m in models},
        waiting=entries.get(OutboxEntry.State.PENDING, 0),
        oldest_waiting=oldest.get(OutboxEntry.State.PENDING),
        refused=entries.get(OutboxEntry.State.REFUSED, 0),
        refusals=[
            Refused(
                entry.get_kind_display(),
                entry.object_id,
                entry.error_status,
                entry.error_name,
                entry.error_message,
            )
            for entry in refused[:REFUSED_SHOWN]
        ],
        runs=[run for action in SyncRun.Action.values if (run := _last(action))],
    )


def _last(action: str) -> LastRun | None:
    run = SyncRun.objects.filter(action=action).first()
    if run is None:
        return None
    return LastRun(action, run.state, run.started_at, run.finished_at, run.calls, run.message)
