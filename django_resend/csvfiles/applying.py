"""Writing what the verdicts say: mirror and outbox, a constant number of queries a batch."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from ..models import Contact, SegmentMembership, Subscription, TopicSubscription
from .records import Record
from .verdicts import Judge, Outcome, Verdict

TRIES = 3
"""A batch that meets another process at the same addresses is decided anew."""


def apply_records(judge: Judge, records: Sequence[Record]) -> list[Verdict]:
    """Decide and write these records in one transaction of their own."""
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                wait_for_turn()
                return write_records(judge, records)
        except (IntegrityError, OperationalError):
            if not left:
                raise
    raise AssertionError("unreachable")


def wait_for_turn() -> None:
    """Begin a transaction: on SQLite one that begins with a read may fail as locked later."""
    Contact.untracked.filter(pk=0).update(attention="")


def write_records(judge: Judge, records: Sequence[Record]) -> list[Verdict]:
    """Decide and write, in the caller's transaction, which has begun with a write."""
    verdicts = judge(records, lock=True)
    _create([one for one in verdicts if one.outcome == Outcome.NEW])
    _update([one for one in verdicts if one.fields and one.outcome == Outcome.CHANGED])
    _join(verdicts)
    _choose(verdicts)
    return verdicts


def _create(verdicts: Sequence[Verdict]) -> None:
    if verdicts:
        Contact.objects.bulk_create(one.contact for one in verdicts if one.contact is not None)


def _update(verdicts: Sequence[Verdict]) -> None:
    if not verdicts:
        return
    names = {name for one in verdicts for name in one.fields}
    now = timezone.now()
    contacts = [one.contact for one in verdicts if one.contact is not None]
    for contact in contacts:
        contact.updated_at = now
    Contact.objects.bulk_update(contacts, [*sorted(names), "updated_at"])


def _join(verdicts: Sequence[Verdict]) -> None:
    members = [
        SegmentMembership(contact=one.contact, segment=segment)
        for one in verdicts
        for segment in one.segments
    ]
    if members:
        SegmentMembership.objects.bulk_create(members)


def _choose(verdicts: Sequence[Verdict]) -> None:
    rows = [
        TopicSubscription(contact=one.contact, topic=topic, subscription=choice)
        for one in verdicts
        for topic, choice in one.choices.items()
    ]
    if not rows:
        return
    TopicSubscription.objects.bulk_create(rows)
    _opt_out([row for row in rows if row.subscription == Subscription.OPT_OUT])


def _opt_out(rows: Sequence[TopicSubscription]) -> None:
    """Inserting left the choices that were there as they were: change those."""
    pairs = {(row.contact_id, row.topic_id) for row in rows}
    stored = TopicSubscription.objects.filter(
        contact__in={contact for contact, _topic in pairs},
        topic__in={topic for _contact, topic in pairs},
    ).exclude(subscription=Subscription.OPT_OUT)
    changed = [
        pk
        for pk, contact, topic in stored.values_list("pk", "contact_id", "topic_id")
        if (contact, topic) in pairs
    ]
    if changed:
        TopicSubscription.objects.filter(pk__in=changed).update(
            subscription=Subscription.OPT_OUT, changed_at=timezone.now()
        )
