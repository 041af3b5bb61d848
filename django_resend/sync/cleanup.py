"""Deleting bookkeeping that nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, QuerySet
from django.utils import timezone

from ..conf import resend_settings
from ..models import ConflictRecord, SyncRun, WebhookEvent
from ..models.batches import batches

UNFINISHED = (SyncRun.State.RUNNING, SyncRun.State.PAUSED)


def clean_up(*, dry_run: bool = False) -> dict[str, int]:
    """Delete what is older than ``EVENT_RETENTION`` and ``RUN_RETENTION``; how many of each.

    Events that are still to be applied stay, and so do each action's latest run and the newest
    event: they tell how the mirror stands.
    """
    return {
        "events": _delete(_old_events(), dry_run),
        "runs": _delete(_old_runs(), dry_run),
        "conflicts": _delete(_old_conflicts(), dry_run),
    }


def _old_events() -> QuerySet[Any]:
    before = _before(resend_settings.event_retention)
    if before is None:
        return WebhookEvent.objects.none()
    settled = WebhookEvent.objects.exclude(state=WebhookEvent.State.RECEIVED)
    newest = WebhookEvent.objects.aggregate(pk=Max("pk"))["pk"]
    return settled.filter(received_at__lt=before).exclude(pk=newest)


def _old_runs() -> QuerySet[Any]:
    before = _before(resend_settings.run_retention)
    if before is None:
        return SyncRun.objects.none()
    latest = SyncRun.objects.order_by().values_list("action").annotate(Max("pk"))
    kept = [pk for _action, pk in latest]
    ended = SyncRun.objects.exclude(state__in=UNFINISHED).exclude(pk__in=kept)
    return ended.filter(started_at__lt=before)


def _old_conflicts() -> QuerySet[Any]:
    before = _before(resend_settings.run_retention)
    if before is None:
        return ConflictRecord.objects.none()
    return ConflictRecord.objects.filter(recorded_at__lt=before)


def _before(days: float) -> datetime | None:
    return timezone.now() - timedelta(days=days) if days else None


def _delete(rows: QuerySet[Any], dry_run: bool) -> int:
    if dry_run:
        return rows.count()
    return sum(_delete_batch(rows, pks) for pks in batches(_keys(rows)))


def _keys(rows: QuerySet[Any]) -> Iterable[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _delete_batch(rows: QuerySet[Any], pks: list[int]) -> int:
    # Asked again: an event may have been set to be applied once more meanwhile.
    deleted, _ = rows.order_by().filter(pk__in=pks).delete()
    return deleted
