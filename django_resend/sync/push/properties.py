"""A contact's values for properties that aren't at Resend yet: they wait, the rest is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...models import Contact, ContactProperty


def waiting(contact: Contact) -> set[str]:
    """The keys among the contact's properties that are defined here and not yet at Resend."""
    if not contact.properties:
        return set()
    unsent = ContactProperty.untracked.filter(remote_id=None, key__in=list(contact.properties))
    return set(unsent.values_list("key", flat=True))


def sendable(contact: Contact, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Those of these values of the contact that Resend can take now."""
    unsent = waiting(contact)
    return {key: value for key, value in properties.items() if key not in unsent}
