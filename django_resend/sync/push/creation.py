"""Create a contact at Resend, once, and never over one that exists."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils import timezone

from ...client import Client, errors
from ...client.rows import ContactRow
from ...models import Contact
from ..apply import apply_contacts
from ..calls import patiently, within_limit
from ..states import local_contact
from . import choices, consent, members, properties
from .claims import Claim
from .lost import traces

ADDRESS_TAKEN = "Another contact is about to leave this address at Resend."


def create(client: Client, claim: Claim, contact: Contact) -> None:
    """Create the contact at Resend, or link it to the one with its address.

    A POST on an address that exists would reset that contact, its opt-out included (Resend
    upserts); so the address is looked up first.
    """
    row = find(client, contact)
    with transaction.atomic():
        claim.renew()
        if row is not None:
            apply_contacts([row], fetched_at=None)
            return
        consent.recall_opt_outs(contact)
    post(client, claim, contact)


def find(client: Client, contact: Contact) -> ContactRow | None:
    """The remote contact with this contact's address."""
    try:
        return patiently(lambda: client.contacts.get(contact.email.lower()))
    except errors.NotFound:
        return None


def post(client: Client, claim: Claim, contact: Contact) -> None:
    """POST the contact complete, so that nobody is mailable by mistake for a moment, and link it.

    What was sent counts as agreed, except the topic opt-outs: those must be read back. Raises
    ``Contact.DoesNotExist`` if it was deleted here meanwhile.
    """
    body = local_contact(contact)
    body["properties"] = properties.sendable(contact, body["properties"])
    topics = choices.all_choices(contact)
    segments = members.sendable(contact)
    with transaction.atomic():
        claim.renew()
        if not Contact.untracked.filter(pk=contact.pk).update(in_flight=body):
            raise Contact.DoesNotExist
        members.forget(contact)
        choices.forget(contact)
        members.mark_sent(segments)
    send = partial(
        client.contacts.create,
        email=body["email"],
        unsubscribed=body["unsubscribed"],
        first_name=body["first_name"] or None,
        last_name=body["last_name"] or None,
        properties=body["properties"] or None,
        segments=[str(row.segment.remote_id) for row in segments],
        topics={str(row.topic.remote_id): row.subscription for row in topics},
    )
    try:
        remote_id = within_limit(send)
    except errors.ResendError as error:
        forget_in_flight(contact, error)
        raise
    now = timezone.now()
    with transaction.atomic():
        claim.renew()
        Contact.untracked.filter(pk=contact.pk).update(
            remote_id=remote_id, base=body, in_flight=None, pushed_at=now
        )
        members.confirm(segments)
        choices.confirm_created(contact, topics)
        consent.use_all(contact)


def forget_in_flight(contact: Contact, error: errors.ResendError) -> None:
    """After a call that can't have arrived, nothing of it need be looked for."""
    if not error.ambiguous:
        Contact.untracked.filter(pk=contact.pk).update(in_flight=None)
        traces([contact.pk]).update(settled_at=timezone.now())
