"""Segments that a contact event names: joined here too. Leaving is for the sweep to prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils import timezone

from ...models import MembershipRemoval, Segment, SegmentMembership


def join_segments(told: Mapping[int, Sequence[str]]) -> None:
    """Store these contacts' (local key) memberships, told by Resend's ids of the segments.

    Nobody says that an event lists them all, so none ends here. Call it inside a transaction.
    """
    wanted = {id for ids in told.values() for id in ids}
    if not wanted:
        return
    segments = dict(Segment.untracked.filter(remote_id__in=wanted).values_list("remote_id", "pk"))
    pairs = {(pk, segments[id]) for pk, ids in told.items() for id in ids if id in segments}
    if not pairs:
        return
    here = {"contact__in": {pk for pk, _ in pairs}, "segment__in": set(segments.values())}
    removals = MembershipRemoval.objects.filter(**here).values_list("contact_id", "segment_id")
    members = SegmentMembership.untracked.filter(**here)
    known = {
        (contact, segment): (pk, confirmed_at)
        for pk, contact, segment, confirmed_at in members.values_list(
            "pk", "contact_id", "segment_id", "confirmed_at"
        )
    }
    now = timezone.now()
    new = [
        SegmentMembership(contact_id=contact, segment_id=segment, sent_at=now, confirmed_at=now)
        for contact, segment in sorted(pairs - known.keys() - set(removals))
    ]
    if new:
        SegmentMembership.untracked.bulk_create(new, ignore_conflicts=True)
    arrived = [pk for pair, (pk, confirmed) in known.items() if pair in pairs and not confirmed]
    if arrived:
        SegmentMembership.untracked.filter(pk__in=arrived).update(sent_at=now, confirmed_at=now)
