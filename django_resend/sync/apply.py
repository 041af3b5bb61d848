"""Contacts as Resend told them, merged into the mirror: one transaction, few statements."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from ..client.rows import ContactRow
from ..models import Contact, Kind, OutboxEntry, Tombstone, email_key
from .merge import Merge, changes, merge_contact
from .states import local_contact, policy, remote_contact

logger = logging.getLogger("django_resend.sync")

CLOCK_SKEW = timedelta(seconds=2)
"""How far the clocks of two machines of the site may differ."""

LINK_FIELDS = ("remote_id", "remote_created_at", "base", "in_flight", "raw", "updated_at")
VALUE_FIELDS = ("email", "email_key", "first_name", "last_name", "unsubscribed", "properties")


@dataclass
class Applied:
    """What became of some remote contacts.

    ``pks``: Resend's id to local key, of all that are here. ``stale``: the ids whose rows may be
    older than our own last push.
    """

    pks: dict[str, int] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    conflicts: int = 0
    opted_in: int = 0
    held: int = 0

    COUNTED = ("created", "updated", "unchanged", "skipped", "conflicts", "opted_in", "held")

    def counts(self, prefix: str) -> dict[str, int]:
        named = {name: getattr(self, name) for name in self.COUNTED}
        return {f"{prefix}_{name}": count for name, count in named.items() if count}


def apply_contacts(rows: Sequence[ContactRow], *, fetched_at: datetime | None) -> Applied:
    """Merge these rows into the mirror. Call it inside a transaction.

    ``fetched_at`` is when the read was begun: a contact pushed since then is left as it is, for
    the rows may be older than that push. ``None`` says that no push can have come between.
    Two statements, and one more for each of insert, update and outbox, however many rows.
    """
    latest = {row.id: row for row in rows}
    keys = {row.id: email_key(row.email) for row in latest.values()}
    by_id, by_key = _find(latest, keys)
    unknown = [id for id in latest if id not in by_id and keys[id] not in by_key]
    memory = _Memory(unknown, [keys[id] for id in unknown])
    applied = Applied()
    created: list[Contact] = []
    updated: list[Contact] = []
    to_push: list[Contact] = []
    for row in latest.values():
        contact: Contact | None = by_id.get(row.id) or by_key.get(keys[row.id])
        if contact is None:
            if memory.is_being_deleted(row.id):
                applied.skipped += 1
                continue
            contact = Contact(email=row.email, email_key=keys[row.id])
            contact.unsubscribed = memory.opted_out(keys[row.id])
            created.append(contact)
        elif _may_be_stale(contact, fetched_at):
            applied.skipped += 1
            applied.pks[row.id] = contact.pk
            applied.stale.add(row.id)
            continue
        before = _snapshot(contact)
        merged = _merge(contact, row)
        _take(contact, row, merged)
        _tell(contact, merged, applied)
        if changes(merged.base, merged.local):
            to_push.append(contact)
        if contact._state.adding:
            continue
        applied.pks[row.id] = contact.pk
        if _snapshot(contact) != before:
            updated.append(contact)
        else:
            applied.unchanged += 1
    _write(created, updated)
    applied.created, applied.updated = len(created), len(updated)
    applied.pks.update({str(contact.remote_id): contact.pk for contact in created})
    OutboxEntry.objects.ensure(Kind.CONTACT, [contact.pk for contact in to_push])
    return applied


class _Memory:
    """The tombstones of unknown contacts: deletions under way, and opt-outs to keep."""

    def __init__(self, remote_ids: Sequence[str], keys: Sequence[str]) -> None:
        found = (
            Tombstone.objects.filter(kind=Kind.CONTACT).filter(
                Q(remote_id__in=remote_ids) | Q(email_key__in=keys)
            )
            if remote_ids
            else ()
        )
        self._leaving: set[str] = set()
        self._opted_out: set[str] = set()
        for tombstone in found:
            if tombstone.settled_at is None:
                self._leaving.add(tombstone.remote_id)
            if tombstone.unsubscribed:
                self._opted_out.add(tombstone.email_key)

    def is_being_deleted(self, remote_id: str) -> bool:
        return remote_id in self._leaving

    def opted_out(self, key: str) -> bool:
        return key in self._opted_out


def _find(
    rows: dict[str, ContactRow], keys: dict[str, str]
) -> tuple[dict[str | None, Contact], dict[str, Contact]]:
    found = Contact.untracked.select_for_update().filter(
        Q(remote_id__in=rows) | Q(email_key__in=keys.values())
    )
    by_id: dict[str | None, Contact] = {}
    by_key: dict[str, Contact] = {}
    for contact in found:
        by_key[contact.email_key] = contact
        if contact.remote_id:
            by_id[contact.remote_id] = contact
    return by_id, by_key


def _may_be_stale(contact: Contact, fetched_at: datetime | None) -> bool:
    if fetched_at is None or contact.pushed_at is None:
        return False
    return contact.pushed_at >= fetched_at - CLOCK_SKEW


def _merge(contact: Contact, row: ContactRow) -> Merge:
    if contact.email_key == email_key(row.email):
        contact.email = row.email
    # What was agreed on with another remote object proves nothing about this one.
    base = contact.base if contact.remote_id == row.id else None
    return merge_contact(
        base, contact.in_flight, local_contact(contact), remote_contact(row), policy()
    )


def _take(contact: Contact, row: ContactRow, merged: Merge) -> None:
    for name, value in merged.local.items():
        setattr(contact, name, value)
    contact.email_key = email_key(contact.email)
    contact.base = merged.base
    if contact.in_flight and contact.remote_id is None:
        contact.in_flight = None
    contact.remote_id = row.id
    contact.remote_created_at = row.created_at or contact.remote_created_at
    contact.raw = {**contact.raw, **row.raw}


def _tell(contact: Contact, merged: Merge, applied: Applied) -> None:
    applied.conflicts += len(merged.conflicts)
    applied.held += merged.held
    for conflict in merged.conflicts:
        logger.warning(
            "Contact %s: %s was changed on both sides; the %s value was kept.",
            contact.pk,
            conflict.name,
            conflict.winner,
        )
    if merged.opted_in:
        applied.opted_in += 1
        logger.info("Contact %s opted in again at Resend.", contact.pk)
    if merged.held:
        logger.warning("Contact %s opted in again at Resend; held for a person.", contact.pk)


def _snapshot(contact: Contact) -> tuple[object, ...]:
    names = (*VALUE_FIELDS, "remote_id", "remote_created_at", "base", "in_flight", "raw")
    return tuple(getattr(contact, name) for name in names)


def _write(created: list[Contact], updated: list[Contact]) -> None:
    now = timezone.now()
    for contact in (*created, *updated):
        contact.updated_at = now
    if created:
        Contact.untracked.bulk_create(created)
    if updated:
        Contact.untracked.bulk_update(updated, [*VALUE_FIELDS, *LINK_FIELDS])
