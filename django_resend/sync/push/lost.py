"""Creations whose answer was lost, of contacts that have left the address since.

What they made is found by the tombstone of the address, which the move has written.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ...client import Client, errors
from ...client.rows import ContactRow
from ...models import Contact, Kind, Tombstone
from ..calls import patiently
from ..matching import agreed_key
from ..merge import arrived
from ..states import remote_contact
from .claims import Claim


def traces(contacts: Sequence[int]) -> QuerySet[Tombstone]:
    """The addresses at which creations of these contacts (local keys) may have arrived."""
    return Tombstone.objects.filter(
        kind=Kind.CONTACT, object_id__in=contacts, remote_id="", settled_at=None
    )


def find_lost(client: Client, claim: Claim, contact: Contact) -> None:
    """Link the contact to what was made at an address that it left, or mark that for deletion.

    One call for each such address; none where the address is the contact's own again, or another's
    here. Raises the client's errors, and ``Contact.DoesNotExist`` if it was deleted here meanwhile.
    """
    for trace in traces([contact.pk]).order_by("pk"):
        row = _made(client, trace, contact)
        with transaction.atomic():
            if not claim.renew():
                raise Contact.DoesNotExist
            if row is None:
                trace.settled_at = timezone.now()
            elif contact.remote_id is None:
                _link(contact, row)
                trace.settled_at = timezone.now()
            else:
                trace.remote_id = row.id
                trace.unsubscribed |= row.unsubscribed is True
            trace.save(update_fields=["remote_id", "unsubscribed", "settled_at"])


def _made(client: Client, trace: Tombstone, contact: Contact) -> ContactRow | None:
    is_own = trace.email_key in (contact.email_key, agreed_key(contact))
    if is_own or Contact.untracked.filter(email_key=trace.email_key).exists():
        return None
    try:
        row = patiently(lambda: client.contacts.get(trace.email.lower()))
    except errors.NotFound:
        return None
    return None if row.id == contact.remote_id else row


def _link(contact: Contact, row: ContactRow) -> None:
    """From here on it is a contact on the move; what had arrived counts as agreed on."""
    remote = remote_contact(row)
    base = arrived(None, contact.in_flight or {}, remote) or {}
    contact.remote_id, contact.base = row.id, {**base, "email": row.email}
    contact.in_flight = None
    Contact.untracked.filter(pk=contact.pk).update(
        remote_id=contact.remote_id, base=contact.base, in_flight=None
    )
