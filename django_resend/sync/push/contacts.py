"""Bring one contact's remote state to its local state, with the fewest calls."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from ...client import Client, errors
from ...models import Contact
from ..apply import apply_contacts
from ..calls import within_limit
from ..matching import is_on_the_move
from ..merge import changes
from ..states import local_contact
from . import choices, consent, members, properties
from .claims import Claim, NotYet
from .creation import ADDRESS_TAKEN, create, find, forget_in_flight
from .lost import find_lost
from .replacement import finish_replacement, replace


def push_contact(client: Client, claim: Claim) -> None:
    """Push a contact's fields, properties, topic choices and memberships.

    Each step is confirmed as it succeeds; a step that Resend refuses doesn't keep the later ones
    back. Raises the client's errors, ``NotYet`` where the contact must wait, and
    ``Contact.DoesNotExist`` if it is deleted here meanwhile.
    """
    try:
        contact = consent.load(claim.object_id)
    except Contact.DoesNotExist:
        return
    consent.keep_opt_outs(contact)
    find_lost(client, claim, contact)
    if contact.remote_id is None:
        create(client, claim, contact)
        contact = consent.load(claim.object_id)
        if contact.remote_id is None:
            raise NotYet(ADDRESS_TAKEN)
    elif is_on_the_move(contact):
        replace(client, claim, contact)
        contact = consent.load(claim.object_id)
    refused: errors.ResendError | None = None
    for step in (_push_fields, choices.push_choices, members.push_members):
        try:
            step(client, claim, contact)
        except (errors.Refused, errors.NotFound) as error:
            refused = refused or error
    if refused is not None:
        raise refused
    if properties.waiting(contact):
        raise NotYet("A property of this contact isn't at Resend yet.")
    finish_replacement(client, claim, contact)


def _push_fields(client: Client, claim: Claim, contact: Contact) -> None:
    changed = changes(contact.base, local_contact(contact))
    changed.pop("email", None)
    if "properties" in changed:
        changed["properties"] = properties.sendable(contact, changed["properties"])
        if not changed["properties"]:
            del changed["properties"]
    if not changed:
        return
    Contact.untracked.filter(pk=contact.pk).update(in_flight=changed)
    remote_id = str(contact.remote_id)
    try:
        within_limit(lambda: client.contacts.update(remote_id, changed))
    except errors.ResendError as error:
        forget_in_flight(contact, error)
        if isinstance(error, errors.NotFound):
            _relink(client, claim, contact)
        raise
    with transaction.atomic():
        claim.renew()
        stored = Contact.untracked.select_for_update().get(pk=contact.pk)
        Contact.untracked.filter(pk=contact.pk).update(
            base=advanced(stored.base or {}, changed), in_flight=None, pushed_at=timezone.now()
        )
        if changed.get("unsubscribed") is False:
            consent.use(contact, topics=False)


def advanced(base: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """The base after Resend took these changes."""
    advanced = {**base, **sent}
    if "properties" in sent:
        values = {**(base.get("properties") or {}), **sent["properties"]}
        advanced["properties"] = {k: v for k, v in values.items() if v is not None}
    return advanced


def _relink(client: Client, claim: Claim, contact: Contact) -> None:
    """Our id is unknown to Resend: ask by address, for ids of old accounts changed.

    Where the address is unknown too, the contact was deleted there. It is not created again; the
    next complete pull removes it here.
    """
    row = find(client, contact)
    if row is None:
        return
    with transaction.atomic():
        claim.renew()
        choices.forget(contact)
        apply_contacts([row], fetched_at=None)
    raise NotYet("The contact has another id at Resend; it was linked anew.")
