"""A changed address: Resend can't change it, so the remote contact is replaced.

The new one is created complete before the old one is deleted. A tombstone of the old one, written
first, keeps a pull from taking it for a stranger, and keeps its opt-outs.
"""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils import timezone

from ...client import Client
from ...models import Contact, Kind, Tombstone
from ..apply import apply_contacts
from ..calls import within_limit
from ..moving import bury_replaced
from . import consent, members
from .claims import Claim, NotYet
from .creation import ADDRESS_TAKEN, find, post


def replace(client: Client, claim: Claim, contact: Contact) -> None:
    """Create the contact under its new address and link to it; the old one is deleted after.

    Raises ``NotYet`` while the new address has a remote contact that is about to be deleted.
    """
    with transaction.atomic():
        claim.renew()
        bury_replaced(contact, str(contact.remote_id))
        consent.recall_opt_outs(contact)
    row = find(client, contact)
    if row is None:
        post(client, claim, contact)
        return
    with transaction.atomic():
        claim.renew()
        apply_contacts([row], fetched_at=None)
        contact.refresh_from_db()
        if contact.remote_id == row.id:
            members.unconfirm(contact)
    if contact.remote_id != row.id:
        raise NotYet(ADDRESS_TAKEN)


def finish_replacement(client: Client, claim: Claim, contact: Contact) -> None:
    """Delete the remote contacts that this one replaced."""
    replaced = Tombstone.objects.filter(
        kind=Kind.CONTACT, object_id=contact.pk, settled_at=None
    ).exclude(remote_id=contact.remote_id)
    for tombstone in replaced:
        within_limit(partial(client.contacts.delete, tombstone.remote_id))
        with transaction.atomic():
            claim.renew()
            Tombstone.objects.filter(pk=tombstone.pk).update(settled_at=timezone.now())
    # A move that was taken back left one of the contact it still is.
    Tombstone.objects.filter(
        kind=Kind.CONTACT, object_id=contact.pk, remote_id=contact.remote_id, settled_at=None
    ).update(settled_at=timezone.now())
