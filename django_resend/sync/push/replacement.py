"""A changed address: Resend can't change it, so the remote contact is replaced.

The new one is created complete before the old one is deleted. A tombstone of the old one, written
first, keeps a pull from taking it for a stranger, and keeps its opt-outs.
"""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils import timezone

from ...client import Client, errors
from ...client.rows import ContactRow
from ...models import Contact, Kind, Tombstone, Topic
from ..apply import apply_contacts
from ..calls import patiently, within_limit
from ..moving import bury_replaced
from . import choices, consent, members
from .claims import Claim, NotYet
from .creation import ADDRESS_TAKEN, find, post


def replace(client: Client, claim: Claim, contact: Contact) -> None:
    """Create the contact under its new address and link to it; the old one is deleted after.

    The old one is read first: an opt-out that nobody saw yet would be lost with it. Raises
    ``NotFound`` where it was deleted at Resend, for then it is not created again, ``NotYet`` while
    the new address has a remote contact that is about to be deleted, and ``Contact.DoesNotExist``
    if it was deleted here meanwhile.
    """
    old = _read_old(client, contact)
    with transaction.atomic():
        if not claim.renew():
            raise Contact.DoesNotExist
        _take_opt_out(contact, old)
        bury_replaced(contact, old.id)
        consent.recall_opt_outs(contact)
    if Topic.untracked.exclude(remote_id=None).exists():
        choices.read_back(client, claim, contact)
        with transaction.atomic():
            if not claim.renew():
                raise Contact.DoesNotExist
            bury_replaced(contact, old.id)
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


def _read_old(client: Client, contact: Contact) -> ContactRow:
    """The remote contact to be replaced; by its address where its id is a stale one."""
    try:
        return patiently(lambda: client.contacts.get(str(contact.remote_id)))
    except errors.NotFound:
        address = str((contact.base or {})["email"]).lower()
        return patiently(lambda: client.contacts.get(address))


def _take_opt_out(contact: Contact, old: ContactRow) -> None:
    """Take over the old one's opt-out, unless an explicit opt-in came after it was agreed on."""
    agreed = (contact.base or {}).get("unsubscribed") is True
    contact.remote_id = old.id
    stored = Contact.untracked.filter(pk=contact.pk)
    stored.update(remote_id=old.id)
    if old.unsubscribed is True and not agreed:
        contact.unsubscribed = True
        stored.update(unsubscribed=True)


def finish_replacement(client: Client, claim: Claim, contact: Contact) -> None:
    """Delete the remote contacts that this one replaced."""
    left = Tombstone.objects.filter(kind=Kind.CONTACT, object_id=contact.pk, settled_at=None)
    # Those without an id tell of creations: `find_lost` comes first.
    for tombstone in left.exclude(remote_id=""):
        # A move that was taken back left one of the contact it still is.
        if tombstone.remote_id != contact.remote_id:
            within_limit(partial(client.contacts.delete, tombstone.remote_id))
        with transaction.atomic():
            claim.renew()
            if not Contact.untracked.filter(pk=contact.pk).exists():
                # Deleted here meanwhile: the tombstone may be that deletion's, yet to be pushed.
                return
            Tombstone.objects.filter(pk=tombstone.pk).update(settled_at=timezone.now())
