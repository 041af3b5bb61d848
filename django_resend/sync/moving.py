"""The remote contact that a contact with a new address leaves behind."""

from __future__ import annotations

from django.utils import timezone

from ..models import Contact, Kind, Tombstone, TopicSubscription, email_key


def bury_replaced(contact: Contact, old_id: str) -> None:
    """Mark a remote contact as to be deleted, and keep its opt-outs. Call it in a transaction.

    The tombstone, written before anything is sent, keeps a pull from taking it for a stranger.
    """
    address = str((contact.base or {}).get("email", ""))
    opt_outs = TopicSubscription.opt_outs([contact.pk], using=Contact.untracked.db)
    Tombstone.objects.get_or_create(
        kind=Kind.CONTACT,
        object_id=contact.pk,
        remote_id=old_id,
        defaults={
            "email": address,
            "email_key": email_key(address),
            "origin": Tombstone.Origin.LOCAL,
            "unsubscribed": contact.unsubscribed,
            "topic_opt_outs": opt_outs.get(contact.pk, []),
            "deleted_at": timezone.now(),
        },
    )
