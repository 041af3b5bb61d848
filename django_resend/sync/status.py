"""How the mirror stands: what waits, what was refused, when it last ran. No call is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min
from django.utils import timezone

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
    WebhookEvent,
)
from .limiter import Usage, read_usage

REFUSED_SHOWN = 20


@dataclass(frozen=True)
class LastRun:
    """The latest run of one sort."""

    action: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    calls: int
    planned_calls: int | None
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
class WebhookStatus:
    """How webhooks come in: ``used`` where a secret is set.

    ``waiting`` and ``failed`` are events; ``silent`` says that none came for ``WEBHOOK_SILENCE``
    hours although some did before.
    """

    used: bool
    last_at: datetime | None
    waiting: int
    failed: int
    silent: bool

    @property
    def healthy(self) -> bool:
        return not self.failed and not self.silent


@dataclass(frozen=True)
class Status:
    """``rows`` in the mirror by kind; ``waiting`` and ``refused`` outbox entries.

    Healthy is a mirror that needs nobody: nothing refused, no run failed, no pause, webhooks well.
    """

    configured: bool
    direction: str
    budget: Usage
    rows: dict[str, int]
    waiting: int
    oldest_waiting: datetime | None
    refused: int
    refusals: list[Refused]
    runs: list[LastRun]
    webhooks: WebhookStatus

    @property
    def rate(self) -> float:
        """Calls a second that the mirror allows itself."""
        return self.budget.rate

    @property
    def healthy(self) -> bool:
        failed = any(run.state == SyncRun.State.FAILED for run in self.runs)
        calm = self.budget.paused_until is None and self.webhooks.healthy
        return not self.refused and not failed and calm


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
        budget=read_usage(),
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
        webhooks=read_webhook_status(),
    )


def read_webhook_status() -> WebhookStatus:
    """Read how webhooks come in, in two queries."""
    states = (WebhookEvent.State.RECEIVED, WebhookEvent.State.FAILED)
    counted = WebhookEvent.objects.order_by().filter(state__in=states)
    counts = dict(counted.values_list("state").annotate(Count("pk")))
    last_at = WebhookEvent.objects.order_by("-id").values_list("received_at", flat=True).first()
    used = bool(resend_settings.webhook_secrets)
    hours = resend_settings.webhook_silence
    patient_until = last_at + timedelta(hours=hours) if last_at and hours else None
    return WebhookStatus(
        used=used,
        last_at=last_at,
        waiting=counts.get(WebhookEvent.State.RECEIVED, 0),
        failed=counts.get(WebhookEvent.State.FAILED, 0),
        silent=used and patient_until is not None and timezone.now() > patient_until,
    )


def _last(action: str) -> LastRun | None:
    run = SyncRun.objects.filter(action=action).first()
    if run is None:
        return None
    return LastRun(
        action,
        run.state,
        run.started_at,
        run.finished_at,
        run.calls,
        run.planned_calls,
        run.message,
    )
