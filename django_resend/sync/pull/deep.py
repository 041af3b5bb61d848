"""The deep pull: what only single reads tell, the contacts longest unread first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db.models import F, Q
from django.utils import timezone

from ...client import Client, errors
from ...client.rows import ContactRow, SubscriptionRow
from ...models import Contact, ContactProperty, ImportEntry, Topic
from ..apply import Applied, apply_contacts
from ..calls import patiently, walk_patiently
from ..choices import apply_choices
from ..crew import Crew
from ..locks import insistently
from .context import Pull

STAGE = "deep"
TOPICS_ROUTE = "/contacts/{contact}/topics"
CONTACTS_AT_ONCE = 25


class Told(NamedTuple):
    """What Resend told of one contact: nothing of one that isn't there."""

    row: ContactRow | None
    choices: list[SubscriptionRow]
    readable: bool


class Batch(NamedTuple):
    """Contacts being read, by local key; ``fetched_at`` is before the first call."""

    fetched_at: datetime
    reading: dict[int, Future[Told]]

    @property
    def pks(self) -> set[int]:
        return set(self.reading)


def pull_deep(pull: Pull) -> None:
    """Read every contact's properties and topics that this run hasn't read yet."""
    pull.take_cursor()
    reads_properties = ContactProperty.untracked.filter(remote_id__isnull=False).exists()
    reads_topics = Topic.untracked.filter(remote_id__isnull=False).exists()
    if not reads_properties and not reads_topics:
        return
    due = Contact.untracked.filter(remote_id__isnull=False).filter(
        Q(deep_checked_at__isnull=True) | Q(deep_checked_at__lt=pull.run.started_at)
    )
    # What an open import is about to agree on isn't agreed yet: a choice that Resend lists by
    # default would be taken for the person's own.
    due = due.exclude(pk__in=ImportEntry.objects.values("contact_id"))
    pull.progress.stage("properties and topics", due.count())
    order = due.order_by(F("deep_checked_at").asc(nulls_first=True), "pk")
    left: set[int] = set()
    ahead: deque[Batch] = deque()
    with Crew(pull.client) as crew:
        while True:
            while len(ahead) < (2 if crew.size > 1 else 1):
                known = left.union(*(batch.pks for batch in ahead))
                rows = order.exclude(pk__in=known).values_list("pk", "remote_id")
                if not (begun := _begin(pull.client, crew, rows[:CONTACTS_AT_ONCE], reads_topics)):
                    break
                ahead.append(begun)
            if not ahead:
                break
            left |= _store(pull, ahead.popleft())
            pull.breathe(STAGE)


def _begin(
    client: Client, crew: Crew, rows: Iterable[tuple[int, str | None]], reads_topics: bool
) -> Batch | None:
    """Have some contacts read; while a batch is stored, a crew reads the next one."""
    fetched_at = timezone.now()
    reading = {
        pk: crew.submit(partial(_read, client, str(remote_id), reads_topics))
        for pk, remote_id in rows
    }
    return Batch(fetched_at, reading) if reading else None


def _read(client: Client, remote_id: str, reads_topics: bool) -> Told:
    row: ContactRow | None = None
    try:
        row = patiently(partial(client.contacts.get, remote_id))
        return Told(row, _topics(client, remote_id) if reads_topics else [], True)
    except (errors.NotFound, errors.Refused):
        # Gone, or not ours to read: the sweep settles it.
        return Told(row, [], False)


def _store(pull: Pull, batch: Batch) -> set[int]:
    """Store what was read; returns the contacts to leave for the next deep pull."""
    told = [reading.result() for reading in batch.reading.values()]
    rows = [one.row for one in told if one.row is not None]
    choices = {one.row.id: one.choices for one in told if one.row is not None}

    def store() -> tuple[Applied, int, set[int]]:
        pull.checkpoint(STAGE)
        applied = apply_contacts(rows, fetched_at=batch.fetched_at)
        fresh = applied.pks.keys() - applied.stale
        changed = apply_choices(
            {applied.pks[id]: told for id, told in choices.items() if id in fresh}
        )
        left = {applied.pks[id] for id in applied.stale}
        Contact.untracked.filter(pk__in=batch.pks - left).update(deep_checked_at=timezone.now())
        return applied, changed, left

    applied, changed, left = insistently(store)
    pull.run.counts.update(
        {
            "deep_read": len(rows),
            "deep_updated": applied.counts["updated"],
            "choices_changed": changed,
            "deep_unreadable": sum(not one.readable for one in told),
        }
    )
    pull.progress.advance(len(batch.pks))
    return left


def _topics(client: Client, remote_id: str) -> list[SubscriptionRow]:
    pages = walk_patiently(
        lambda cursor: client.contacts.topic_page(remote_id, cursor), None, TOPICS_ROUTE
    )
    return [row for page in pages for row in page.rows]
