"""Contacts that nobody here has: in a first pull, thousands of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import DEFERRED

from ..client.rows import ContactRow
from ..models import Contact
from .states import remote_contact

_contact: Callable[..., Contact] = Contact


class Newcomers:
    """Makes contacts of rows, as a merge with an empty contact would, in a fraction of its time.

    For those of whom nothing is remembered: what Resend tells is then what both sides agree on.
    """

    def __init__(self, now: datetime) -> None:
        # Given all values in the order of the fields, a model asks no field for its default.
        self._blank: dict[str, Any] = {
            field.attname: DEFERRED if field.generated else field.get_default()
            for field in Contact._meta.concrete_fields
        }
        self._blank |= {"created_at": now, "updated_at": now}

    def take(self, row: ContactRow, key: str) -> Contact:
        """A new contact, not yet stored; ``key`` is that of the row's address."""
        told = remote_contact(row)
        values = {**self._blank, "properties": {}, **told}
        values["email_key"] = key
        values["base"] = told
        values["raw"] = dict(row.raw)
        values["remote_id"] = row.id
        values["remote_created_at"] = row.created_at
        if "properties" in told:
            values["properties"] = dict(told["properties"])
        return _contact(*values.values())
