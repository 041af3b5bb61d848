"""Outbox entries, taken by lease and given back: done, to be tried again, or refused."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ...client import errors
from ...models import OutboxEntry
from ..runs import ended

LEASE = timedelta(minutes=5)
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 3600.0


class NotYet(Exception):
    """The object can't be pushed for now; the message says what it waits for."""


def due(only: QuerySet[OutboxEntry] | None = None) -> QuerySet[OutboxEntry]:
    """The entries whose turn has come, definitions first."""
    now = timezone.now()
    entries = OutboxEntry.objects.all() if only is None else only
    return entries.filter(
        Q(leased_until__isnull=True) | Q(leased_until__lt=now),
        state=OutboxEntry.State.PENDING,
        next_attempt_at__lte=now,
    ).order_by("rank", "id")


def claim(rows: int, run: int, only: QuerySet[OutboxEntry] | None = None) -> list[Claim]:
    """Take up to so many due entries for this run; no two runs get the same one."""
    pks = list(due(only).values_list("pk", flat=True)[:rows])
    if not pks:
        return []
    lease = uuid.UUID(int=run)
    due().order_by().filter(pk__in=pks).update(lease=lease, leased_until=timezone.now() + LEASE)
    taken = OutboxEntry.objects.filter(lease=lease, pk__in=pks).order_by("rank", "id")
    return [Claim(entry) for entry in taken]


def release_abandoned() -> None:
    """Give back what runs hold that are over: a killed process needs no lease to run out."""
    held = OutboxEntry.objects.exclude(lease=None).order_by()
    leases = held.values_list("lease", flat=True).distinct()
    runs = [lease.int for lease in leases if lease is not None]
    if runs:
        over = [uuid.UUID(int=run) for run in ended(runs)]
        OutboxEntry.objects.filter(lease__in=over).update(lease=None, leased_until=None)


class Claim:
    """One entry under lease, as it was when it was taken."""

    def __init__(self, entry: OutboxEntry) -> None:
        self.entry = entry

    @property
    def object_id(self) -> int:
        return self.entry.object_id

    def renew(self) -> None:
        """Keep the lease for another while.

        It is also the write with which every transaction of a push begins: on SQLite a
        transaction that begins with a read may fail as locked.
        """
        self._mine().update(leased_until=timezone.now() + LEASE)

    def done(self) -> bool:
        """Remove the entry, unless the object changed since it was taken."""
        mine = self._mine()
        removed, _ = mine.filter(token=self.entry.token).delete()
        if not removed:
            self.release()
        return bool(removed)

    def release(self) -> None:
        self._mine().update(lease=None, leased_until=None)

    def retry(self, reason: Exception) -> None:
        """Try again later: after 5 s, then twice as long each time, at most an hour."""
        pause = min(FIRST_PAUSE_SECONDS * 2**self.entry.attempts, LONGEST_PAUSE_SECONDS)
        self._unchanged().update(
            attempts=F("attempts") + 1,
            next_attempt_at=timezone.now() + timedelta(seconds=pause * random.uniform(0.5, 1.0)),
            **_words(reason),
        )
        self.release()

    def refuse(self, reason: Exception) -> None:
        """Park the entry with the vendor's words, until a person or the next change frees it."""
        self._unchanged().update(
            state=OutboxEntry.State.REFUSED, attempts=F("attempts") + 1, **_words(reason)
        )
        self.release()

    def _mine(self) -> QuerySet[OutboxEntry]:
        return OutboxEntry.objects.filter(pk=self.entry.pk, lease=self.entry.lease)

    def _unchanged(self) -> QuerySet[OutboxEntry]:
        return self._mine().filter(token=self.entry.token)


def release_all(claims: Sequence[Claim] | Iterator[Claim]) -> None:
    with transaction.atomic():
        for claim in claims:
            claim.release()


def _words(reason: Exception) -> dict[str, object]:
    if isinstance(reason, errors.ResendError):
        return {
            "error_status": reason.status,
            "error_name": reason.name or "",
            "error_message": reason.message or str(reason),
        }
    return {"error_status": None, "error_name": "", "error_message": str(reason)}
