"""Contacts in open imports: their outbox entries are held until they are given back here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from ....models import Contact, ContactImport, ImportEntry, Kind, OutboxEntry, Tombstone
from ..claims import give_back, unlocked

IMPORT_LEASE = timedelta(minutes=15)
"""How long a push may be busy with a file before another takes its imports over."""


def renew(jobs: QuerySet[ContactImport]) -> None:
    """Go on caring for these imports."""
    jobs.update(leased_until=timezone.now() + IMPORT_LEASE)


def lock(contacts: Iterable[int]) -> None:
    """Lock these contacts by a write, as every transaction of the engine begins.

    A save locks the contact before its entry; in the other order they could lock each other out.
    """
    Contact.untracked.filter(pk__in=list(contacts)).update(pushed_at=F("pushed_at"))


@dataclass
class Held:
    """Rows of imports, locked together with their contacts and outbox entries (by contact).

    Contacts that were deleted here are missing, and rows that a save holds just now.
    """

    rows: list[ImportEntry]
    contacts: dict[int, Contact]
    outbox: dict[int, OutboxEntry]

    @property
    def gone(self) -> list[ImportEntry]:
        """The rows whose contact was deleted here."""
        return [row for row in self.rows if row.contact_id not in self.contacts]

    def give_back(self, rows: Collection[ImportEntry]) -> None:
        """What is left of these is for the push one by one."""
        pks = {row.contact_id for row in rows}
        give_back(entry for pk, entry in self.outbox.items() if pk in pks)
        ImportEntry.objects.filter(pk__in=[row.pk for row in rows]).delete()


def hold_fast(rows: Sequence[ImportEntry]) -> Held:
    """Lock these rows. Call it first in a transaction; five statements."""
    pks = [row.contact_id for row in rows]
    lock(pks)
    entries = OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id__in=pks)
    outbox = {entry.object_id: entry for entry in unlocked(entries)}
    busy = set(entries.values_list("object_id", flat=True)) - outbox.keys()
    contacts = Contact.untracked.in_bulk(pks)
    return Held([row for row in rows if row.contact_id not in busy], contacts, outbox)


def drop(rows: Sequence[ImportEntry], *, sent: bool) -> None:
    """Give up the import of these. Call it first in a transaction.

    Unless they may have been ``sent``, nothing of them has to be looked for at Resend.
    """
    held = hold_fast(rows)
    if sent:
        keys = [row.email_key for row in held.gone]
        taken = Contact.untracked.filter(email_key__in=keys).values_list("email_key", flat=True)
        spare_addresses([row for row in held.gone if row.email_key in set(taken)])
    else:
        pks = [row.contact_id for row in held.rows]
        Contact.untracked.filter(pk__in=pks).update(in_flight=None)
        spare_addresses(held.rows)
    held.give_back(held.rows)


def spare_addresses(rows: Sequence[ImportEntry]) -> None:
    """Delete nobody at Resend for these: who is at their address wasn't made by us."""
    if not rows:
        return
    pks = [row.contact_id for row in rows]
    deletions = OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id__in=pks)
    deletions.filter(remote_id__contains="@").delete()
    Tombstone.objects.filter(
        kind=Kind.CONTACT, object_id__in=pks, remote_id="", settled_at=None
    ).update(settled_at=timezone.now())
