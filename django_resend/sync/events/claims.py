"""Stored events, taken by lease and given back: settled, to be tried again, or failed."""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from ...client.rows import moment
from ...models import WebhookEvent

LEASE = timedelta(minutes=2)
TRIES = 12
"""With the pauses between them that is about an hour; then the event has failed."""

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 1800.0

State = WebhookEvent.State

logger = logging.getLogger("django_resend.sync")


class LeaseLost(Exception):
    """Somebody else has these events by now."""


class Stale(Exception):
    """What was read may be older than a push or another event that came between."""

    def __init__(self) -> None:
        super().__init__("It was being changed here at the same time.")


class Claim:
    """One event under lease. ``at`` is Resend's time of what it tells, ``None`` if it has none.

    ``outcome`` is what became of it: applied, ignored, retried or failed.
    """

    def __init__(self, event: WebhookEvent) -> None:
        self.event = event
        self.outcome = ""
        payload = event.payload if isinstance(event.payload, dict) else {}
        data = payload.get("data")
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}
        self.sent_at = moment(payload.get("created_at"))
        self.at: datetime | None = event.happened_at

    @property
    def order(self) -> tuple[datetime, datetime, int]:
        """Claims sorted by it are in the order of their happening."""
        received = self.event.received_at
        at = self.at or received
        return at, self.sent_at or at, self.event.pk


def due() -> QuerySet[WebhookEvent]:
    """The events whose turn has come."""
    now = timezone.now()
    return WebhookEvent.objects.filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
        Q(leased_until__isnull=True) | Q(leased_until__lt=now),
        state=State.RECEIVED,
    )


def next_attempt() -> datetime | None:
    """When the first of the events that wait for another try is due."""
    waiting = WebhookEvent.objects.filter(state=State.RECEIVED, next_attempt_at__isnull=False)
    found: datetime | None = waiting.aggregate(first=Min("next_attempt_at"))["first"]
    return found


def claim(rows: int) -> list[Claim]:
    """Take up to so many due events, the earliest first; no two callers get the same one."""
    pks = list(due().order_by("happened_at", "id").values_list("pk", flat=True)[:rows])
    if not pks:
        return []
    lease = uuid.uuid4()
    with transaction.atomic():
        free = due().order_by().filter(pk__in=pks)
        if connection.features.has_select_for_update_skip_locked:
            locked = free.select_for_update(skip_locked=True).values_list("pk", flat=True)
            free = WebhookEvent.objects.order_by().filter(pk__in=list(locked))
        free.update(lease=lease, leased_until=timezone.now() + LEASE)
    taken = WebhookEvent.objects.filter(lease=lease, pk__in=pks)
    return sorted((Claim(event) for event in taken), key=lambda one: one.order)


def renew(claims: Sequence[Claim]) -> None:
    """Keep the lease for another while. Raises ``LeaseLost``. A write to begin a transaction."""
    _write(claims, leased_until=timezone.now() + LEASE)


def done(claims: Sequence[Claim], state: State = State.APPLIED, note: str = "") -> None:
    """Settle these events, in the transaction that applies them and first in it.

    On SQLite a transaction that begins with a read may fail as locked. Raises ``LeaseLost``.
    """
    now = timezone.now()
    _write(claims, state=state, error=note, applied_at=now, leased_until=None, next_attempt_at=None)
    for one in claims:
        one.outcome = str(state)


def remark(claims: Sequence[Claim], note: str) -> None:
    """Say something of events that were settled in this transaction."""
    _mine(claims).update(error=note)


def retry(claims: Iterable[Claim], reason: object) -> None:
    """Try again later: after 1 s, then twice as long each time, at most half an hour.

    What has been tried too often is given up.
    """
    for one in claims:
        attempts = one.event.attempts + 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (attempts - 1), LONGEST_PAUSE_SECONDS)
        failed = attempts >= TRIES
        one.outcome = "failed" if failed else "retried"
        if failed:
            logger.warning("%s was given up: %s", one.event, reason)
        _mine([one]).update(
            state=State.FAILED if failed else State.RECEIVED,
            applied_at=None,
            attempts=attempts,
            error=str(reason),
            next_attempt_at=timezone.now() + timedelta(seconds=pause * random.uniform(0.5, 1.0)),
            lease=None,
            leased_until=None,
        )


def postpone(claims: Sequence[Claim], until: datetime, reason: object) -> None:
    """Try again then, or in half an hour if that is sooner; it counts as no try."""
    soon = timezone.now() + timedelta(seconds=LONGEST_PAUSE_SECONDS)
    _mine(claims).update(
        error=str(reason), next_attempt_at=min(until, soon), lease=None, leased_until=None
    )
    for one in claims:
        one.outcome = "retried"


def fail(claims: Sequence[Claim], reason: object) -> None:
    """Park events that can never be applied as they are."""
    _mine(claims).update(
        state=State.FAILED, error=str(reason), lease=None, leased_until=None, next_attempt_at=None
    )
    for one in claims:
        one.outcome = "failed"
        logger.warning("%s can't be applied: %s", one.event, reason)


def reopen(events: QuerySet[WebhookEvent]) -> int:
    """Have settled and failed events applied once more; returns how many are due."""
    return events.update(
        state=State.RECEIVED,
        attempts=0,
        error="",
        next_attempt_at=None,
        lease=None,
        leased_until=None,
        applied_at=None,
    )


def release(claims: Sequence[Claim]) -> None:
    """Give back those that are held still."""
    if claims:
        _mine(claims).filter(state=State.RECEIVED).update(lease=None, leased_until=None)


def _write(claims: Sequence[Claim], **changes: Any) -> None:
    if _mine(claims).filter(state=State.RECEIVED).update(**changes) != len(claims):
        raise LeaseLost


def _mine(claims: Sequence[Claim]) -> QuerySet[WebhookEvent]:
    pks = [one.event.pk for one in claims]
    leases = {one.event.lease for one in claims}
    return WebhookEvent.objects.order_by().filter(pk__in=pks, lease__in=leases)
