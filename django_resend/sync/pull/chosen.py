"""Reading one contact whole: what a pull brings of it, without the lists."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ...client import Client, errors
from ...client.rows import ContactRow, SubscriptionRow
from ...models import Contact, MembershipRemoval, Segment, SegmentMembership, Topic
from ..apply import CLOCK_SKEW, apply_contacts
from ..calls import patiently, walk_patiently
from ..choices import apply_choices
from ..locks import insistently

CALLS = 3


class Outcome(models.TextChoices):
    CHANGED = "changed", _("changed")
    UNCHANGED = "unchanged", _("unchanged")
    PUSHED = "pushed", _("pushed a moment ago: left for the next pull")
    NOT_THERE = "not_there", _("not at Resend: the next whole pull settles it")
    NEVER_SENT = "never_sent", _("never sent to Resend")
    REFUSED = "unreadable", _("Resend refused to show it")


def pull_contact(client: Client, contact: Contact) -> Outcome:
    """Read a contact's values, topic choices and segments, and merge them into the mirror.

    At most three calls. Raises the client's errors where Resend can't be worked with.
    """
    if not contact.remote_id:
        return Outcome.NEVER_SENT
    fetched_at = timezone.now()
    try:
        row = patiently(partial(client.contacts.get, contact.remote_id))
        choices = _topics(client, contact.remote_id)
        segments = _segments(client, contact.remote_id)
    except errors.NotFound:
        return Outcome.NOT_THERE
    except errors.Refused:
        return Outcome.REFUSED
    return _store(row, choices, segments, fetched_at)


def _topics(client: Client, remote_id: str) -> list[SubscriptionRow]:
    if not Topic.untracked.exclude(remote_id=None).exists():
        return []
    fetch = partial(client.contacts.topic_page, remote_id)
    pages = walk_patiently(fetch, None, "/contacts/{contact}/topics")
    return [row for page in pages for row in page.rows]


def _segments(client: Client, remote_id: str) -> set[str]:
    fetch = partial(client.contacts.segment_page, remote_id)
    pages = walk_patiently(fetch, None, "/contacts/{contact}/segments")
    return {row.id for page in pages for row in page.rows}


def _store(
    row: ContactRow, choices: list[SubscriptionRow], segments: set[str], fetched_at: datetime
) -> Outcome:
    def store() -> Outcome:
        # A write first, for SQLite; and the lock that saves take.
        Contact.untracked.filter(remote_id=row.id).update(pushed_at=F("pushed_at"))
        applied = apply_contacts([row], fetched_at=fetched_at)
        if row.id not in applied.pks or applied.stale:
            return Outcome.PUSHED
        pk = applied.pks[row.id]
        changed = applied.counts["updated"] + apply_choices({pk: choices})
        changed += _join_and_leave(pk, segments, fetched_at)
        Contact.untracked.filter(pk=pk).update(deep_checked_at=timezone.now())
        return Outcome.CHANGED if changed else Outcome.UNCHANGED

    return insistently(store)


def _join_and_leave(contact: int, remote_ids: Collection[str], fetched_at: datetime) -> int:
    """The list was walked to its end: what it lacks and was confirmed before has ended."""
    now = timezone.now()
    mine = SegmentMembership.untracked.filter(contact_id=contact)
    ended = mine.filter(segment__remote_id__isnull=False, confirmed_at__lt=fetched_at - CLOCK_SKEW)
    left, _by_model = ended.exclude(segment__remote_id__in=remote_ids).delete()
    listed = mine.filter(segment__remote_id__in=remote_ids)
    confirmed = listed.filter(confirmed_at=None).values_list("pk", flat=True)
    arrived = SegmentMembership.untracked.filter(pk__in=list(confirmed))
    count = arrived.update(sent_at=now, confirmed_at=now)
    leaving = MembershipRemoval.objects.filter(contact_id=contact).values("segment")
    joined = Segment.untracked.filter(remote_id__in=remote_ids).exclude(pk__in=leaving)
    new = [
        SegmentMembership(contact_id=contact, segment=segment, sent_at=now, confirmed_at=now)
        for segment in joined.exclude(pk__in=mine.values("segment"))
    ]
    SegmentMembership.untracked.bulk_create(new, ignore_conflicts=True)
    return left + count + len(new)
