"""Telling the site what came from Resend: the signals it may listen to, after the commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from ..models import Contact, Topic
from ..signals import (
    contact_changed,
    contact_created,
    contact_deleted,
    contact_unsubscribed,
    topic_subscription_changed,
)


def announce_created(contacts: Iterable[Contact]) -> None:
    _announce(contact_created, ({"contact": contact} for contact in contacts))


def announce_changed(changed: Sequence[tuple[Contact, Collection[str]]]) -> None:
    """Tell of contacts and which of their compared fields changed; only the site's own count."""
    watched = [(contact, Contact.watched.intersection(names)) for contact, names in changed]
    _announce(
        contact_changed,
        ({"contact": contact, "fields": fields} for contact, fields in watched if fields),
    )
    left = (c for c, fields in watched if "unsubscribed" in fields and c.unsubscribed)
    _announce(contact_unsubscribed, ({"contact": contact} for contact in left))


def announce_choices(changed: Iterable[tuple[int, Topic, str]]) -> None:
    """Tell of contacts (local key) for whom another choice of a topic holds now."""
    if not topic_subscription_changed.has_listeners(Contact):
        return
    told = list(changed)
    contacts = Contact.untracked.in_bulk({pk for pk, _, _ in told})
    _announce(
        topic_subscription_changed,
        (
            {"contact": contacts[pk], "topic": topic, "subscription": choice}
            for pk, topic, choice in told
            if pk in contacts
        ),
    )


def announce_deleted(contacts: Iterable[Contact]) -> None:
    _announce(contact_deleted, ({"contact": contact} for contact in contacts))


def _announce(signal: Signal, told: Iterable[dict[str, Any]]) -> None:
    """A receiver that fails is logged by Django and disturbs neither the others nor the sync."""
    if not signal.has_listeners(Contact):
        return
    for arguments in told:
        send = partial(signal.send_robust, sender=Contact, **arguments)
        transaction.on_commit(send, robust=True)
