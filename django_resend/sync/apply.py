"""Contacts as Resend told them, merged into the mirror: one transaction, few statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from ..client.rows import ContactRow
from ..models import (
    Contact,
    Kind,
    OutboxEntry,
    Subscription,
    Topic,
    TopicSubscription,
    email_key,
)
from ..models.batches import rewrite
from ..models.insertion import insert_instances
from .decisions import record_conflicts, record_remote_opt_ins
from .matching import Matches
from .memory import Memory
from .merge import Conflict, Merge, Policy, changes, merge_contact
from .moving import bury_replaced, evict
from .newcomers import Newcomers
from .news import announce_changed, announce_created
from .states import local_contact, policy, remote_contact

CLOCK_SKEW = timedelta(seconds=2)
"""How far the clocks of two machines of the site may differ."""

COMPARED = (
    "email",
    "email_key",
    "first_name",
    "last_name",
    "unsubscribed",
    "properties",
    "remote_id",
    "remote_created_at",
    "base",
    "in_flight",
    "raw",
    "attention",
    "deep_checked_at",
)
"""The fields that a remote row can change."""


@dataclass
class Applied:
    """What became of some remote contacts.

    ``pks``: Resend's id to local key, of all that are here. ``stale``: the ids whose rows may be
    older than our own last push or the last webhook. ``leaving``: the ids of those that are being
    deleted from here. ``counts``: contacts by what happened to them.
    """

    pks: dict[str, int] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def knows(self, rows: Iterable[ContactRow]) -> bool:
        """Whether the site knows all of these: as contacts, or as those it deletes."""
        return all(row.id in self.pks or row.id in self.leaving for row in rows)


@dataclass
class _Batch:
    """The writes that some rows ask for, and how to merge them."""

    policy: Policy = field(default_factory=policy)
    created: list[Contact] = field(default_factory=list)
    updated: list[Contact] = field(default_factory=list)
    relinked: list[Contact] = field(default_factory=list)
    recalled: list[Contact] = field(default_factory=list)
    """Those that were here, at an address that had opted out of topics."""
    evicted: list[tuple[Contact, Contact]] = field(default_factory=list)
    """Contacts on the move, each with the one that got its remote contact."""
    to_push: list[Contact] = field(default_factory=list)
    opted_in: list[Contact] = field(default_factory=list)
    changed: list[set[str]] = field(default_factory=list)
    """The fields in which each of the updated contacts changed."""
    conflicts: list[tuple[Contact, Conflict]] = field(default_factory=list)


def apply_contacts(rows: Sequence[ContactRow], *, fetched_at: datetime | None) -> Applied:
    """Merge these rows into the mirror. Call it inside a transaction.

    ``fetched_at`` is when the read was begun: a contact pushed since then, or of which a webhook
    told, is left as it is, for the rows may be older. ``None`` says that nothing can have come
    between.
    Two statements, and one more for each sort of write, however many rows.
    """
    latest = {row.id: row for row in rows}
    keys = {row.id: email_key(row.email) for row in latest.values()}
    matches = Matches(latest, keys)
    found = {row.id: matches.find(row) for row in latest.values()}
    unknown = [row.id for row in latest.values() if _has_other_id(found[row.id], row)]
    since = None if fetched_at is None else fetched_at - CLOCK_SKEW
    memory = Memory(unknown, [keys[id] for id in unknown], since=since)
    applied, batch, now = Applied(), _Batch(), timezone.now()
    newcomers = Newcomers(now)
    for old_id, mover in matches.replaced.items():
        bury_replaced(mover, old_id)
        batch.to_push.append(mover)
    arrived: set[str] = set()
    for row in latest.values():
        contact = found[row.id]
        if memory.is_being_deleted(row.id):
            applied.leaving.add(row.id)
        is_going = memory.is_being_deleted(row.id) or row.id in matches.replaced
        is_going |= contact is None and memory.is_spoken_for(keys[row.id])
        if is_going and row.id not in matches.evicted and _has_other_id(contact, row):
            applied.counts["skipped"] += 1
            found[row.id] = None
            continue
        if contact is None and keys[row.id] in arrived:
            # A contact here has one address, whatever its letter case: the older one waits.
            applied.counts["skipped"] += 1
            continue
        arrived.add(keys[row.id])
        if contact is None and not memory.remembers(keys[row.id]):
            batch.created.append(newcomers.take(row, keys[row.id]))
            continue
        if contact is None:
            contact = _recalled(row, keys[row.id], memory, now)
        elif _may_be_stale(contact, fetched_at) or (
            fetched_at is not None and _may_be_brought_back(contact, row, memory)
        ):
            applied.counts["skipped"] += 1
            applied.pks[row.id] = contact.pk
            applied.stale.add(row.id)
            continue
        evicted = matches.evicted.get(row.id)
        if evicted is not None and fetched_at is not None:
            # Whose push comes first decides, knowing more of the remote contact than a list.
            applied.counts["skipped"] += 1
            applied.pks[row.id] = evicted.pk
            applied.stale.add(row.id)
            continue
        if evicted is not None:
            batch.evicted.append((evicted, contact))
        _apply(contact, row, batch, memory, evicts=evicted is not None)
    _write(batch, matches.unlinked, memory)
    applied.pks.update({str(c.remote_id): c.pk for c in (*batch.created, *batch.updated)})
    unchanged = {id: c.pk for id, c in found.items() if c is not None and id not in applied.pks}
    applied.pks.update(unchanged)
    applied.counts.update(_counted(batch, len(unchanged), len(matches.unlinked)))
    return applied


def _recalled(row: ContactRow, key: str, memory: Memory, now: datetime) -> Contact:
    """A contact for a row that nobody here has, of an address that had opted out."""
    contact = Contact(
        email=row.email, email_key=key, unsubscribed=memory.unsubscribed(key), created_at=now
    )
    if (contact.unsubscribed and row.unsubscribed is False) or memory.topics(key):
        contact.attention = Contact.Attention.RECALLED
    return contact


def _has_other_id(contact: Contact | None, row: ContactRow) -> bool:
    return contact is None or contact.remote_id != row.id


def _recall(contact: Contact, memory: Memory, batch: _Batch) -> None:
    """A contact that was here, met at Resend for the first time, at an address with opt-outs."""
    if memory.topics(contact.email_key):
        batch.recalled.append(contact)
    if memory.unsubscribed(contact.email_key) and not contact.unsubscribed:
        contact.unsubscribed = True
        contact.attention = Contact.Attention.RECALLED


def _apply(
    contact: Contact, row: ContactRow, batch: _Batch, memory: Memory, *, evicts: bool
) -> None:
    before = {} if contact._state.adding else _snapshot(contact)
    if _has_other_id(contact, row) and not contact._state.adding:
        _recall(contact, memory, batch)
    if contact.remote_id not in (None, row.id):
        batch.relinked.append(contact)
    merged = _merge(contact, row, batch.policy, evicts=evicts)
    _take(contact, row, merged)
    if not contact._state.adding and not evicts:
        batch.conflicts += [(contact, conflict) for conflict in merged.conflicts]
    if merged.opted_in:
        batch.opted_in.append(contact)
    if changes(merged.base, merged.local):
        batch.to_push.append(contact)
    if contact._state.adding:
        batch.created.append(contact)
    elif changed := _changed(before, contact):
        batch.updated.append(contact)
        batch.changed.append(changed)


def _may_be_stale(contact: Contact, fetched_at: datetime | None) -> bool:
    if fetched_at is None:
        return False
    newer = (contact.pushed_at, contact.seen_at)
    return any(moment >= fetched_at - CLOCK_SKEW for moment in newer if moment is not None)


def _may_be_brought_back(contact: Contact, row: ContactRow, memory: Memory) -> bool:
    """By an import that isn't over, after its own remote contact was deleted there."""
    is_other = contact.remote_id not in (None, row.id)
    return is_other and memory.is_spoken_for(email_key(row.email))


def _merge(contact: Contact, row: ContactRow, how: Policy, *, evicts: bool) -> Merge:
    if contact.email_key == email_key(row.email):
        contact.email = row.email
    # What was agreed on with another remote object proves nothing about this one.
    base = contact.base if contact.remote_id == row.id else None
    if base and email_key(str(base.get("email", ""))) == email_key(row.email):
        # Resend keeps addresses in its own letter case: that is no change of it.
        base = {**base, "email": row.email}
    local, remote = local_contact(contact), remote_contact(row)
    if evicts:
        # The values of the evicted aren't this one's; but an opt-out stays with its address.
        local["unsubscribed"] |= bool(remote.get("unsubscribed"))
        return Merge(local, remote)
    return merge_contact(base, contact.in_flight, local, remote, how)


def _take(contact: Contact, row: ContactRow, merged: Merge) -> None:
    for name, value in merged.local.items():
        setattr(contact, name, value)
    contact.email_key = email_key(contact.email)
    contact.base = merged.base
    if contact.in_flight and contact.remote_id is None:
        contact.in_flight = None
    if contact.remote_id not in (None, row.id):
        contact.deep_checked_at = None
    contact.remote_id = row.id
    contact.remote_created_at = row.created_at or contact.remote_created_at
    contact.raw = {**contact.raw, **row.raw}
    if merged.held:
        contact.attention = Contact.Attention.HELD


def _snapshot(contact: Contact) -> dict[str, object]:
    return {name: getattr(contact, name) for name in COMPARED}


def _changed(before: dict[str, object], contact: Contact) -> set[str]:
    return {name for name, value in before.items() if getattr(contact, name) != value}


def _write(batch: _Batch, unlinked: Sequence[Contact], memory: Memory) -> None:
    now = timezone.now()
    for evicted, heir in batch.evicted:
        evict(evicted, heir)
    if unlinked:
        # First, for their remote ids go to others.
        Contact.untracked.filter(pk__in=[contact.pk for contact in unlinked]).update(
            remote_id=None, base=None, in_flight=None, attention=Contact.Attention.UNLINKED
        )
    for contact in (*batch.created, *batch.updated):
        contact.updated_at = now
    insert_instances(batch.created, unique="email_key")
    if batch.updated:
        names = sorted(set().union(*batch.changed))
        rewrite(batch.updated, [*names, "updated_at"])
    if batch.relinked:
        # What was agreed on with another remote contact says nothing of this one.
        TopicSubscription.untracked.filter(contact__in=batch.relinked).update(base="")
    _recall_topics(batch, memory)
    OutboxEntry.objects.ensure(Kind.CONTACT, [contact.pk for contact in batch.to_push])
    record_conflicts(batch.conflicts)
    record_remote_opt_ins(batch.opted_in)
    announce_created(batch.created)
    announce_changed(list(zip(batch.updated, batch.changed, strict=True)))


def _recall_topics(batch: _Batch, memory: Memory) -> None:
    arrived = (*batch.created, *batch.recalled)
    wanted = {contact: memory.topics(contact.email_key) for contact in arrived}
    remembered = {topic for topics in wanted.values() for topic in topics}
    if not remembered:
        return
    topics = {row.remote_id: row for row in Topic.untracked.filter(remote_id__in=remembered)}
    recalled = [
        TopicSubscription(contact=contact, topic=topics[id], subscription=Subscription.OPT_OUT)
        for contact, ids in wanted.items()
        for id in ids
        if id in topics
    ]
    for contact in batch.recalled:
        chosen = TopicSubscription.untracked.filter(contact=contact)
        again = chosen.filter(topic__remote_id__in=wanted[contact])
        again.update(subscription=Subscription.OPT_OUT)
    TopicSubscription.untracked.bulk_create(recalled, ignore_conflicts=True)
    batch.to_push += [row.contact for row in recalled]


def _counted(batch: _Batch, unchanged: int, unlinked: int) -> dict[str, int]:
    return {
        "created": len(batch.created),
        "updated": len(batch.updated),
        "unchanged": unchanged,
        "relinked": len(batch.relinked) + unlinked,
        "conflicts": len(batch.conflicts),
        "opted_in": len(batch.opted_in),
        "recalled": sum(c.attention == Contact.Attention.RECALLED for c in batch.created),
        "held": sum(c.attention == Contact.Attention.HELD for c in batch.updated),
    }
