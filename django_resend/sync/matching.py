"""Which local contact a remote one is: by Resend's id, else by its address."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q

from ..client.rows import ContactRow
from ..models import Contact, email_key


class Matches:
    """The local contacts of some remote rows, locked for writing. One query.

    ``unlinked`` holds those that lost their remote contact to the one whose address it has.
    """

    def __init__(self, rows: Mapping[str, ContactRow], keys: Mapping[str, str]) -> None:
        self._keys = keys
        self._by_id: dict[str, Contact] = {}
        self._by_key: dict[str, Contact] = {}
        self.unlinked: list[Contact] = []
        found = Contact.untracked.select_for_update().filter(
            Q(remote_id__in=list(rows)) | Q(email_key__in=list(keys.values()))
        )
        for contact in found:
            self._by_key[contact.email_key] = contact
            if contact.remote_id:
                self._by_id[contact.remote_id] = contact

    def find(self, row: ContactRow) -> Contact | None:
        """The contact of this row. Ids may be stale, so an address without its id counts too."""
        key = self._keys[row.id]
        holder, namesake = self._by_id.get(row.id), self._by_key.get(key)
        if holder is None or namesake is None or holder is namesake:
            return holder or namesake
        if _agreed_key(holder) == key:
            # The holder is about to leave this address; the namesake must wait for that.
            return holder
        self.unlinked.append(holder)
        return namesake


def _agreed_key(contact: Contact) -> str:
    return email_key(str((contact.base or {}).get("email", "")))
