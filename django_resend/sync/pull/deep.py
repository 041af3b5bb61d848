"""The deep pull: what only single reads tell, the contacts longest unread first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from ...client import errors
from ...client.rows import ContactRow, SubscriptionRow
from ...models import Contact, ContactProperty, Topic
from ..apply import apply_contacts
from ..calls import patiently, walk_patiently
from ..choices import apply_choices
from .context import Pull

STAGE = "deep"
TOPICS_ROUTE = "/contacts/{contact}/topics"
CONTACTS_AT_ONCE = 25


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
    pull.progress.stage("properties and topics", due.count())
    order = due.order_by(F("deep_checked_at").asc(nulls_first=True), "pk")
    left: set[int] = set()
    while batch := order.exclude(pk__in=left).values_list("pk", "remote_id")[:CONTACTS_AT_ONCE]:
        left |= _read(pull, [(pk, str(remote_id)) for pk, remote_id in batch], reads_topics)
        pull.breathe(STAGE)


def _read(pull: Pull, batch: Sequence[tuple[int, str]], reads_topics: bool) -> set[int]:
    """Read and store some contacts; returns those to leave for the next deep pull."""
    fetched_at = timezone.now()
    rows: list[ContactRow] = []
    choices: dict[str, list[SubscriptionRow]] = {}
    for _pk, remote_id in batch:
        try:
            rows.append(patiently(partial(pull.client.contacts.get, remote_id)))
            if reads_topics:
                choices[remote_id] = _topics(pull, remote_id)
        except (errors.NotFound, errors.Refused):
            # Gone, or not ours to read: the sweep settles it.
            pull.run.counts["deep_unreadable"] += 1
    with transaction.atomic():
        pull.checkpoint(STAGE)
        applied = apply_contacts(rows, fetched_at=fetched_at)
        fresh = applied.pks.keys() - applied.stale
        changed = apply_choices(
            {applied.pks[id]: told for id, told in choices.items() if id in fresh}
        )
        left = {applied.pks[id] for id in applied.stale}
        read = {pk for pk, _ in batch} - left
        Contact.untracked.filter(pk__in=read).update(deep_checked_at=timezone.now())
    pull.run.counts.update(
        {
            "deep_read": len(rows),
            "deep_updated": applied.counts["updated"],
            "choices_changed": changed,
        }
    )
    pull.progress.advance(len(batch))
    return left


def _topics(pull: Pull, remote_id: str) -> list[SubscriptionRow]:
    pages = walk_patiently(
        lambda cursor: pull.client.contacts.topic_page(remote_id, cursor), None, TOPICS_ROUTE
    )
    return [row for page in pages for row in page.rows]
