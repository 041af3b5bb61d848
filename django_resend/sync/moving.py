"""Contacts with a new address, and the remote contacts that they leave behind."""

from __future__ import annotations

from django.utils import timezone

from ..models import (
    Contact,
    Kind,
    MembershipRemoval,
    OutboxEntry,
    SegmentMembership,
    Tombstone,
    TopicSubscription,
    email_key,
)


def bury_replaced(contact: Contact, old_id: str) -> None:
    """Mark a remote contact as to be deleted, and keep its opt-outs. Call it in a transaction.

    The tombstone, written before anything is sent, keeps a pull from taking it for a stranger.
    """
    address = str((contact.base or {}).get("email", ""))
    opt_outs = TopicSubscription.opt_outs([contact.pk], using=Contact.untracked.db)
    tombstone, _ = Tombstone.objects.get_or_create(
        kind=Kind.CONTACT,
        object_id=contact.pk,
        remote_id=old_id,
        defaults={
            "email": address,
            "email_key": email_key(address),
            "origin": Tombstone.Origin.LOCAL,
            "deleted_at": timezone.now(),
        },
    )
    tombstone.unsubscribed |= contact.unsubscribed
    tombstone.topic_opt_outs = sorted({*tombstone.topic_opt_outs, *opt_outs.get(contact.pk, [])})
    tombstone.save(update_fields=["unsubscribed", "topic_opt_outs"])


def evict(contact: Contact, heir: Contact) -> None:
    """This contact, on the move, loses its old remote one to another that has moved there.

    It is to be created at its new address; the heir leaves the segments that aren't its own.
    Call it in a transaction.
    """
    left = Tombstone.objects.filter(
        kind=Kind.CONTACT, object_id=contact.pk, remote_id=contact.remote_id, settled_at=None
    )
    # No longer to be deleted: it is the heir's now.
    left.update(settled_at=timezone.now())
    Contact.untracked.filter(pk=contact.pk).update(
        remote_id=None, base=None, in_flight=None, pushed_at=None
    )
    MembershipRemoval.objects.filter(contact=contact).delete()
    TopicSubscription.untracked.filter(contact=contact).update(base="")
    members = SegmentMembership.untracked.filter(contact=contact)
    inherited = members.exclude(sent_at=None).exclude(
        segment__in=SegmentMembership.untracked.filter(contact=heir).values("segment")
    )
    MembershipRemoval.objects.bulk_create(
        [
            MembershipRemoval(
                contact=heir, segment_id=row.segment_id, confirmed_at=row.confirmed_at
            )
            for row in inherited
        ],
        ignore_conflicts=True,
    )
    members.update(confirmed_at=None)
    OutboxEntry.objects.ensure(Kind.CONTACT, [contact.pk, heir.pk])
