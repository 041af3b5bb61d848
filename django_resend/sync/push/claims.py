"""Outbox entries, taken by lease and given back: done, to be tried again, or refused."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ...client import errors
from ...models import Contact, ContactProperty, Kind, OutboxEntry, Segment, Topic
from ..runs import ended

LEASE = timedelta(minutes=5)
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 3600.0

MODELS: Mapping[Kind, type[Contact | Segment | Topic | ContactProperty]] = {
    Kind.CONTACT: Contact,
    Kind.SEGMENT: Segment,
    Kind.TOPIC: Topic,
    Kind.PROPERTY: ContactProperty,
}


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
    lease = uuid.UUID(int=run)
    while pks := list(due(only).values_list("pk", flat=True)[:rows]):
        with transaction.atomic():
            if connection.features.has_select_for_update_skip_locked:
                # Others may be taking the first ones right now.
                pks = list(_free(only)[:rows])
            free = due().order_by().filter(pk__in=pks)
            if free.update(lease=lease, leased_until=timezone.now() + LEASE) or not pks:
                break
        # Others took all of them first.
    taken = OutboxEntry.objects.filter(lease=lease, pk__in=pks).order_by("rank", "id")
    return [Claim(entry) for entry in taken]


def is_any_free(only: QuerySet[OutboxEntry] | None) -> bool:
    """Whether any is due that neither a save nor another push holds this moment."""
    with transaction.atomic():
        return bool(_free(only)[:1])


def _free(only: QuerySet[OutboxEntry] | None) -> QuerySet[OutboxEntry, int]:
    """Keys of the due entries that nobody holds, locked where the database can."""
    entries = due(only).values_list("pk", flat=True)
    if connection.features.has_select_for_update_skip_locked:
        # Waiting for an entry that a save holds could lock that save out.
        entries = entries.select_for_update(skip_locked=True)
    return entries


def hold(contacts: Sequence[int], until: datetime) -> list[OutboxEntry]:
    """Take the due entries of these contacts from all pushes, beyond the end of this one.

    Call it in a transaction that has locked the contacts. ``give_back`` ends it.
    """
    due_now = due().order_by().filter(kind=Kind.CONTACT, object_id__in=contacts, remote_id="")
    lease = uuid.uuid4()
    unlocked(due_now).update(lease=lease, leased_until=until)
    held = list(OutboxEntry.objects.filter(lease=lease))
    # Without a run's name on it no run's end gives it back.
    OutboxEntry.objects.filter(lease=lease).update(lease=None)
    return held


def give_back(entries: Iterable[OutboxEntry]) -> None:
    """Let entries that were held be due. Call it in the transaction that locked them."""
    pks = [entry.pk for entry in entries]
    OutboxEntry.objects.filter(pk__in=pks, lease=None).update(leased_until=None)


def unlocked(entries: QuerySet[OutboxEntry]) -> QuerySet[OutboxEntry]:
    """Those of these entries that no save holds now, locked where the database can."""
    if not connection.features.has_select_for_update_skip_locked:
        return entries
    # Waiting for an entry that a save holds could lock that save out.
    free = entries.select_for_update(skip_locked=True).values_list("pk", flat=True)
    return OutboxEntry.objects.filter(pk__in=list(free))


def release_abandoned() -> None:
    """Give back what runs hold that are over: a killed process needs no lease to run out."""
    held = OutboxEntry.objects.exclude(lease=None).order_by()
    leases = held.values_list("lease", flat=True).distinct()
    runs = [lease.int for lease in leases if lease is not None]
    if runs:
        over = [uuid.UUID(int=run) for run in ended(runs)]
        release_all([Claim(entry) for entry in OutboxEntry.objects.filter(lease__in=over)])


class Claim:
    """One entry under lease, as it was when it was taken."""

    def __init__(self, entry: OutboxEntry) -> None:
        self.entry = entry
        self._leased_until = entry.leased_until or timezone.now()

    @property
    def object_id(self) -> int:
        return self.entry.object_id

    def renew(self) -> bool:
        """Lock the object, and keep the lease for another while if half of it is over.

        Returns whether the object is still there.

        Every transaction of a push begins with it. A save locks the object before its entry: in
        the other order the two could lock each other out. And on SQLite a transaction that begins
        with a read may fail as locked.
        """
        model = MODELS[Kind(self.entry.kind)]
        found = model.untracked.filter(pk=self.object_id).update(pushed_at=F("pushed_at"))
        now = timezone.now()
        if self._leased_until < now + LEASE / 2:
            self._leased_until = now + LEASE
            self._mine().update(leased_until=self._leased_until)
        return bool(found)

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


def release_all(claims: Iterable[Claim]) -> None:
    """One by one: held together, they could lock out a save that holds one of them."""
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
