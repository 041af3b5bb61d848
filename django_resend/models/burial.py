"""What deleting an object leaves behind: its tombstone, and the wish to delete it at Resend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import timezone

from .batches import BATCH_ROWS
from .keys import email_key
from .outbox import Kind, OutboxEntry
from .tombstones import Tombstone


class Departed(NamedTuple):
    """What a tombstone needs to know of a contact: some of its values, and its topic opt-outs."""

    values: Mapping[str, Any]
    topic_opt_outs: list[str]

    @property
    def pk(self) -> int:
        return int(self.values["pk"])

    @property
    def opted_out(self) -> bool:
        return bool(self.values["unsubscribed"] or self.topic_opt_outs)

    @property
    def posted(self) -> str:
        """The address under which its creation was under way, empty if none was."""
        return str((self.values["in_flight"] or {}).get("email") or "")

    @property
    def target(self) -> str:
        """What to delete at Resend. The id of one whose creation was under way isn't known yet.

        One it was to replace stands in the tombstone.
        """
        return self.posted.lower() or str(self.values["remote_id"] or "")


def bury_definitions(
    kind: Kind, rows: Sequence[tuple[int, str | None, str]], *, using: str
) -> None:
    now = timezone.now()
    names = {pk: name for pk, _, name in rows}
    known = {pk: remote_id for pk, remote_id, _ in rows if remote_id}
    Tombstone.objects.using(using).bulk_create(
        [
            Tombstone(
                kind=kind,
                object_id=pk,
                remote_id=remote_id,
                name=names[pk],
                origin=Tombstone.Origin.LOCAL,
                deleted_at=now,
            )
            for pk, remote_id in known.items()
        ],
        batch_size=BATCH_ROWS,
    )
    _ask_for_deletion(kind, list(names), known, using=using)


def bury_contacts(rows: Sequence[Departed], *, using: str) -> None:
    now = timezone.now()
    targets = {row.pk: row.target for row in rows if row.target}
    kept = [
        _tombstone(row, now, remote_id=row.values["remote_id"] or "", settled=not row.target)
        for row in rows
        if row.target or row.opted_out
    ]
    kept += [
        _tombstone(row, now, remote_id="", settled=False, address=row.posted)
        for row in rows
        if row.posted and email_key(row.posted) != row.values["email_key"]
    ]
    Tombstone.objects.using(using).bulk_create(kept, batch_size=BATCH_ROWS)
    _ask_for_deletion(Kind.CONTACT, [row.pk for row in rows], targets, using=using)


def remember_addresses(rows: Sequence[Departed], *, using: str) -> None:
    """The opt-outs of addresses that their contacts leave.

    Where a creation under the address may have reached Resend, what it made is to be found: until
    then a pull must not take it for a stranger.
    """
    now = timezone.now()
    kept = [_tombstone(row, now, remote_id="", settled=True) for row in rows if row.opted_out]
    kept += [
        _tombstone(row, now, remote_id="", settled=False, address=row.posted)
        for row in rows
        if row.posted and email_key(row.posted) == row.values["email_key"]
    ]
    Tombstone.objects.using(using).bulk_create(kept, batch_size=BATCH_ROWS)


def _tombstone(
    row: Departed, now: datetime, *, remote_id: str, settled: bool, address: str = ""
) -> Tombstone:
    return Tombstone(
        kind=Kind.CONTACT,
        object_id=row.pk,
        remote_id=remote_id,
        email=address or row.values["email"],
        email_key=email_key(address) if address else row.values["email_key"],
        origin=Tombstone.Origin.LOCAL,
        unsubscribed=row.values["unsubscribed"],
        topic_opt_outs=row.topic_opt_outs,
        deleted_at=now,
        settled_at=now if settled else None,
    )


def _ask_for_deletion(
    kind: Kind, pks: Sequence[int], known: Mapping[int, str], *, using: str
) -> None:
    OutboxEntry.objects.record_deletions(kind, known, using=using)
    never_sent = [pk for pk in pks if pk not in known]
    if never_sent:
        OutboxEntry.objects.using(using).filter(kind=kind, object_id__in=never_sent).delete()
