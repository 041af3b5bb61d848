"""Push a contact's joinings and leavings: one call a segment."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from ...client import Client
from ...models import Contact, Kind, MembershipRemoval, OutboxEntry, SegmentMembership
from ..calls import within_limit
from .claims import Claim, NotYet


def sendable(contact: Contact) -> list[SegmentMembership]:
    """The contact's memberships of segments that exist at Resend."""
    rows = SegmentMembership.untracked.filter(contact=contact, segment__remote_id__isnull=False)
    return list(rows.select_related("segment"))


def forget(contact: Contact) -> None:
    """What was confirmed of another remote contact isn't of this one."""
    unconfirm(contact)
    MembershipRemoval.objects.filter(contact=contact).delete()


def unconfirm(contact: Contact) -> None:
    """Send the contact's memberships again."""
    SegmentMembership.untracked.filter(contact=contact).update(confirmed_at=None)


def mark_sent(rows: Sequence[SegmentMembership]) -> int:
    """Before the call: from now on Resend may have these. Returns how many are still here."""
    pks = [row.pk for row in rows]
    return SegmentMembership.untracked.filter(pk__in=pks).update(sent_at=timezone.now())


def confirm(rows: Sequence[SegmentMembership]) -> None:
    """After the call: Resend has these. One taken away here meanwhile must be removed there."""
    now = timezone.now()
    pks = [row.pk for row in rows]
    kept = SegmentMembership.untracked.filter(pk__in=pks)
    if kept.update(confirmed_at=now) == len(pks):
        return
    present = set(kept.values_list("pk", flat=True))
    gone = [row for row in rows if row.pk not in present]
    MembershipRemoval.objects.bulk_create(
        [
            MembershipRemoval(
                contact_id=row.contact_id, segment_id=row.segment_id, confirmed_at=now
            )
            for row in gone
        ],
        ignore_conflicts=True,
    )
    OutboxEntry.objects.record(Kind.CONTACT, {row.contact_id for row in gone})


def push_members(client: Client, claim: Claim, contact: Contact) -> None:
    """Leave first, then join. Raises ``NotYet`` while a segment isn't at Resend."""
    remote_id = str(contact.remote_id)
    removals = MembershipRemoval.objects.filter(contact=contact).select_related("segment")
    for removal in removals:
        _leave(client, claim, remote_id, removal)
    waiting = False
    joining = SegmentMembership.untracked.filter(contact=contact, confirmed_at=None)
    for member in joining.select_related("segment"):
        if member.segment.remote_id is None:
            waiting = True
        else:
            _join(client, claim, remote_id, member)
    if waiting:
        raise NotYet("A segment of this contact isn't at Resend yet.")


def _leave(client: Client, claim: Claim, remote_id: str, removal: MembershipRemoval) -> None:
    if not MembershipRemoval.objects.filter(pk=removal.pk).update(sent_at=timezone.now()):
        # Taken back here meanwhile.
        return
    segment = str(removal.segment.remote_id)
    within_limit(lambda: client.contacts.remove_segment(remote_id, segment))
    with transaction.atomic():
        claim.renew()
        Contact.untracked.filter(pk=removal.contact_id).update(pushed_at=timezone.now())
        removed, _ = MembershipRemoval.objects.filter(pk=removal.pk).delete()
        if not removed:
            _join_again(removal)


def _join_again(removal: MembershipRemoval) -> None:
    """The contact joined again here while it left there."""
    rejoined = SegmentMembership.untracked.filter(
        contact_id=removal.contact_id, segment_id=removal.segment_id
    )
    if rejoined.update(confirmed_at=None):
        OutboxEntry.objects.record(Kind.CONTACT, [removal.contact_id])


def _join(client: Client, claim: Claim, remote_id: str, member: SegmentMembership) -> None:
    if not mark_sent([member]):
        # Taken away here meanwhile.
        return
    segment = str(member.segment.remote_id)
    within_limit(lambda: client.contacts.add_segment(remote_id, segment))
    with transaction.atomic():
        claim.renew()
        Contact.untracked.filter(pk=member.contact_id).update(pushed_at=timezone.now())
        confirm([member])
