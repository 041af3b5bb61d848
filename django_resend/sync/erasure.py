"""What deleting a property takes along: Resend erases its value on every contact."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from ..models import Contact, ContactProperty, exact_key
from ..models.batches import batches, rewrite

CONTACTS_AT_ONCE = 500


def erase_values(key: str) -> int:
    """Forget a deleted property's values; returns the number of contacts that had one.

    Where a new property has taken the key, the local values are its own and stay.
    """
    is_taken = ContactProperty.untracked.filter(key_exact=exact_key(key)).exists()
    having = Contact.untracked.filter(
        Q(properties__has_key=key) | Q(base__properties__has_key=key)
    ).order_by("pk")
    erased = 0
    for pks in batches(having.values_list("pk", flat=True).iterator(2000), CONTACTS_AT_ONCE):
        with transaction.atomic():
            contacts = list(Contact.untracked.select_for_update().filter(pk__in=pks))
            for contact in contacts:
                if not is_taken:
                    contact.properties.pop(key, None)
                if contact.base and "properties" in contact.base:
                    contact.base["properties"].pop(key, None)
            rewrite(contacts, ["properties", "base"])
        erased += len(pks)
    return erased
