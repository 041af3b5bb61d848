"""Finding contacts by how their address or a name begins: the only search that an index serves."""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet

from ..models import email_key
from ..models.contacts import NAME_KEY_LENGTH


def search_contacts(contacts: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Those of whom every word begins the address, the first name or the last name."""
    vendor = connections[contacts.db].vendor
    for word in text.split():
        name = name_key(word, vendor)
        contacts = contacts.filter(
            beginning("email_key", email_key(word), vendor)
            | beginning("first_key", name, vendor)
            | beginning("last_key", name, vendor)
        )
    return contacts


def beginning(field: str, prefix: str, vendor: str) -> Q:
    """Rows whose field begins so."""
    if vendor == "sqlite" and prefix:
        # Its LIKE never uses an index here; bytes are compared, so a range means the same.
        return Q((f"{field}__gte", prefix), (f"{field}__lt", _following(prefix)))
    return Q((f"{field}__startswith", prefix))


def name_key(word: str, vendor: str) -> str:
    """A word as the database folds names; SQLite folds no letters beyond ASCII."""
    folded = word.lower()
    if vendor == "sqlite":
        folded = "".join(char.lower() if char.isascii() else char for char in word)
    return folded[:NAME_KEY_LENGTH]


def _following(prefix: str) -> str:
    """The least text that sorts after all that begin with this one."""
    return prefix[:-1] + chr(min(ord(prefix[-1]) + 1, 0x10FFFF))
