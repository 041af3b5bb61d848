"""Memberships, read by segment: the list of a segment's members costs a hundredth of the calls."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q
from django.utils import timezone

from ...client import errors
from ...client.rows import ContactRow
from ...models import Contact, MembershipRemoval, Segment, SegmentMembership
from ...models.batches import batches
from ...models.insertion import insert_values
from ...models.lookups import OneOf
from ..apply import CLOCK_SKEW, apply_contacts
from ..calls import walk_patiently, walk_restarting
from ..locks import insistently
from ..reading import gather, read_ahead
from ..seen import Seen
from .absence import is_mass_deletion
from .context import Pull

STAGE = "members"
ROUTE = "/segments/{segment}/contacts"
BROKEN = (errors.BrokenWalk, errors.Refused)


class Known(NamedTuple):
    """What is here of one remote member."""

    contact: int
    membership: int | None
    confirmed: bool
    removed: bool
    pushed_at: datetime | None


def pull_members(pull: Pull) -> None:
    """Pull every segment's members: one call and at most five statements a page of 100."""
    pull.progress.stage("memberships", SegmentMembership.untracked.count() or None)
    cursor = pull.take_cursor()
    segments = Segment.untracked.filter(remote_id__isnull=False).order_by("pk")
    for segment in segments.filter(pk__gte=cursor.get("segment", 0)):
        resume = cursor if cursor.get("segment") == segment.pk else {}
        _pull_segment(
            pull,
            segment,
            resume.get("after"),
            Seen.unpack(resume.get("seen", {})),
            datetime.fromisoformat(resume["begun"]) if resume else timezone.now(),
        )


def _pull_segment(
    pull: Pull, segment: Segment, after: str | None, seen: Seen, begun: datetime
) -> None:
    try:
        walk_restarting(lambda cursor: _walk(pull, segment, cursor, seen, begun), after, BROKEN)
    except errors.NotFound:
        # Deleted since the definitions were read; the next pull proves it.
        return
    except BROKEN as error:
        pull.stop(f"The members of “{segment}” can't be walked to their end: {error}")
        return
    if pull.sweep is not None:
        pull.sweep.unwalked.discard(segment.pk)
    _remove_absent(pull, segment, seen, begun)


def _walk(pull: Pull, segment: Segment, after: str | None, seen: Seen, begun: datetime) -> None:
    remote_id = str(segment.remote_id)
    pages = walk_patiently(
        lambda cursor: pull.client.segments.contact_page(remote_id, cursor), after, ROUTE
    )
    with closing(read_ahead(pull.client, pages, late=pull.is_late)) as read:
        for fetched_at, group in gather(read, late=pull.is_late):
            cursor = _cursor(segment, after, seen, begun)
            rows = [row for page in group for row in page.rows]
            met = insistently(partial(_store, pull, segment, rows, fetched_at, cursor))
            seen.add(met)
            if pull.sweep is not None:
                pull.sweep.meet(met)
            pull.progress.advance(len(rows))
            after = group[-1].next
            if after is not None:
                pull.breathe(STAGE, **_cursor(segment, after, seen, begun))


def _cursor(segment: Segment, after: str | None, seen: Seen, begun: datetime) -> dict[str, Any]:
    return {
        "segment": segment.pk,
        "after": after,
        "seen": seen.pack(),
        "begun": begun.isoformat(),
    }


def _store(
    pull: Pull,
    segment: Segment,
    rows: Sequence[ContactRow],
    fetched_at: datetime,
    cursor: dict[str, Any],
) -> list[int]:
    """Write one page of members; returns the local keys of the contacts it names."""
    pull.checkpoint(STAGE, **cursor)
    known = _known(segment, [row.id for row in rows])
    unread = [row for row in rows if row.id not in known or _is_unmet(pull, known[row.id])]
    if unread:
        if pull.sweep is not None and not all(row.is_whole for row in unread):
            # The list of contacts may tell more.
            pull.sweep.go_on()
        applied = apply_contacts(unread, fetched_at=fetched_at)
        pull.count("contacts", applied.counts)
        strangers = applied.pks.items() - {id: row.contact for id, row in known.items()}.items()
        known |= {id: Known(pk, None, False, False, None) for id, pk in strangers}
    now = timezone.now()
    new = [
        (row.contact, segment.pk, now, now)
        for row in known.values()
        if row.membership is None and not row.removed and not _pushed_since(row, fetched_at)
    ]
    insert_values(SegmentMembership, ("contact", "segment", "sent_at", "confirmed_at"), new)
    arrived = [row.membership for row in known.values() if row.membership and not row.confirmed]
    if arrived:
        SegmentMembership.untracked.filter(pk__in=arrived).update(sent_at=now, confirmed_at=now)
    pull.run.counts.update({"members_created": len(new), "members_confirmed": len(arrived)})
    return [row.contact for row in known.values()]


def _is_unmet(pull: Pull, row: Known) -> bool:
    """Whether this list is the first to show the contact's fields."""
    return pull.sweep is not None and row.contact not in pull.sweep.seen


def _pushed_since(row: Known, fetched_at: datetime) -> bool:
    """Then the page may be older than a removal that was pushed."""
    return row.pushed_at is not None and row.pushed_at >= fetched_at - CLOCK_SKEW


def _known(segment: Segment, remote_ids: Sequence[str]) -> dict[str, Known]:
    removal = MembershipRemoval.objects.filter(contact=OuterRef("pk"), segment=segment)
    found = (
        Contact.untracked.filter(OneOf(F("remote_id"), remote_ids))
        .annotate(
            member=FilteredRelation(
                "segmentmembership", condition=Q(segmentmembership__segment=segment)
            ),
            membership=F("member__id"),
            confirmed=F("member__confirmed_at"),
            removed=Exists(removal),
        )
        .values_list("remote_id", "pk", "membership", "confirmed", "removed", "pushed_at")
    )
    return {
        remote_id: Known(pk, membership, confirmed is not None, removed, pushed_at)
        for remote_id, pk, membership, confirmed, removed, pushed_at in found
    }


def _remove_absent(pull: Pull, segment: Segment, seen: Seen, begun: datetime) -> None:
    """The walk is complete: a membership confirmed before it and not met has ended at Resend."""
    members = SegmentMembership.untracked.filter(
        segment=segment, confirmed_at__lt=begun - CLOCK_SKEW
    )
    rows = members.order_by().values_list("pk", "contact_id").iterator(2000)
    absent = [pk for pk, contact in rows if contact not in seen]
    if absent and is_mass_deletion(len(absent), members.count()) and not pull.allow_deletions:
        pull.stop(
            f"Resend no longer lists {len(absent)} members of “{segment}”. They were kept here. "
            "If that is right, run resend_pull --allow-deletions."
        )
        return
    for batch in batches(absent):
        with transaction.atomic():
            SegmentMembership.untracked.filter(pk__in=batch).delete()
    pull.run.counts["members_deleted"] += len(absent)
