"""Take contacts out of the push one by one, and write down what a file will carry of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from django.db import OperationalError, transaction
from django.utils import timezone

from ....models import (
    Contact,
    ContactImport,
    ImportEntry,
    OutboxEntry,
    SegmentMembership,
    Subscription,
    TopicSubscription,
)
from ....models.batches import batches, rewrite
from ..claims import give_back, hold
from .files import MAX_BYTES, line_bytes
from .groups import Bunch
from .held import IMPORT_LEASE, lock
from .work import PROPERTY, Group, Work, property_types, read_work

DEADLINE = timedelta(hours=6)
"""Resend promises no end of an import: after so long its contacts are pushed one by one."""

HELD_FOR = DEADLINE + timedelta(hours=1)


class Preparation:
    """The imports of one group, none longer than a file may be."""

    def __init__(self, run: int, group: Group, bunch: Bunch) -> None:
        types = property_types()
        own = [name for name in sorted(bunch.columns) if not name.startswith(PROPERTY)]
        properties = [name for name in sorted(bunch.columns) if name.startswith(PROPERTY)]
        self._columns = dict.fromkeys(own, "") | {
            name: types.get(name.removeprefix(PROPERTY), "") for name in properties
        }
        self._run = run
        self._group = group
        self._contacts = bunch.contacts
        self._current: ContactImport | None = None
        self._room = 0

    def record(self) -> None:
        """Record them, with a constant number of queries for each 1,000 contacts."""
        for batch in batches(self._contacts):
            before = self._current, self._room
            # What the site holds just now is left to the next push.
            with suppress(OperationalError):
                self._record(batch)
                continue
            self._current, self._room = before

    def _record(self, batch: Sequence[int]) -> None:
        with transaction.atomic():
            lock(batch)
            entries = {row.object_id: row for row in hold(batch, timezone.now() + HELD_FOR)}
            open_rows = ImportEntry.objects.filter(contact_id__in=entries)
            free = entries.keys() - set(open_rows.values_list("contact_id", flat=True))
            works = [work for work in read_work(list(free)).values() if self._fits(work)]
            rows = [self._row(work, entries[work.contact.pk]) for work in works]
            fitting = {row.contact_id for row in rows}
            give_back(entry for pk, entry in entries.items() if pk not in fitting)
            ImportEntry.objects.bulk_create(rows)
            self._mark_sent([work.contact for work in works], rows)

    def _fits(self, work: Work) -> bool:
        """The contact may have changed since the groups were formed."""
        columns = {f"{PROPERTY}{key}" for key in work.fields.get("properties", {})}
        return work.group == self._group and columns <= self._columns.keys()

    def _row(self, work: Work, entry: OutboxEntry) -> ImportEntry:
        sent = {**work.fields, "email": work.contact.email}
        size = line_bytes(self._columns, sent)
        if self._current is None or size > self._room:
            self._current, self._room = self._open(), MAX_BYTES
        self._room -= size
        return ImportEntry(
            contact_import=self._current,
            contact_id=work.contact.pk,
            email_key=work.contact.email_key,
            token=entry.token,
            sent=sent,
            remote_id=work.contact.remote_id or "",
        )

    def _open(self) -> ContactImport:
        return ContactImport.objects.create(
            job=self._group.job,
            columns=self._columns,
            segments=list(self._group.segments),
            topics=dict.fromkeys(self._group.opt_outs, str(Subscription.OPT_OUT)),
            run=self._run,
            leased_until=timezone.now() + IMPORT_LEASE,
        )

    def _mark_sent(self, contacts: Sequence[Contact], rows: Sequence[ImportEntry]) -> None:
        """From now on Resend may have what the file carries."""
        for contact, row in zip(contacts, rows, strict=True):
            known = contact.remote_id is not None
            sent = {name: v for name, v in row.sent.items() if name != "email" or not known}
            contact.in_flight = sent or None
        rewrite(contacts, ["in_flight"])
        members = SegmentMembership.untracked.filter(contact__in=contacts)
        sent_segments = members.filter(segment__remote_id__in=self._group.segments)
        sent_segments.update(sent_at=timezone.now())
        if self._group.job == ContactImport.Job.CREATE:
            # What was agreed on with another remote contact says nothing of this one.
            TopicSubscription.untracked.filter(contact__in=contacts).update(base="")
