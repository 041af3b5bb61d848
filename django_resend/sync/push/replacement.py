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
from ..matching import agreed_key
from ..moving import bury_replaced
from . import choices, members
from .claims import Claim
from .creation import find, post


def is_readdressed(contact: Contact) -> bool:
    """Whether the local address differs, by more than letter case, from the one at Resend."""
    return agreed_key(contact) not in ("", contact.email_key)


def replace(client: Client, claim: Claim, contact: Contact) -> None:
    """Create the contact under its new address and link to it; the old one is deleted after."""
    with transaction.atomic():
        claim.renew()
        bury_replaced(contact, str(contact.remote_id))
    row = find(client, contact)
    if row is None:
        post(client, claim, contact)
        return
    with transaction.atomic():
        claim.renew()
        members.forget(contact)
        choices.forget(contact)
        apply_contacts([row], fetched_at=None)


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
