"""Which local contact a remote one is: by its address, else by Resend's id."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import F, Q

from ..client.rows import ContactRow
from ..models import Contact, email_key
from ..models.lookups import OneOf


class Matches:
    """The local contacts of some remote rows, locked for writing; each of one row only. One query.

    Of two contacts that claim one row, the one with its address gets it. The other is in
    ``evicted`` if it is on the move to an address of its own, in ``unlinked`` if not.
    ``replaced`` maps the remote ids that contacts on the move leave behind to those contacts.
    """

    def __init__(self, rows: Mapping[str, ContactRow], keys: Mapping[str, str]) -> None:
        by_id: dict[str, Contact] = {}
        by_key: dict[str, Contact] = {}
        found = Contact.untracked.select_for_update().filter(
            Q(OneOf(F("remote_id"), list(rows))) | Q(OneOf(F("email_key"), list(keys.values())))
        )
        for contact in found:
            by_key[contact.email_key] = contact
            if contact.remote_id:
                by_id[contact.remote_id] = contact
        self.unlinked: list[Contact] = []
        self.evicted: dict[str, Contact] = {}
        self.replaced: dict[str, Contact] = {}
        self._contacts: dict[str, Contact] = {}
        for id, key in keys.items():
            namesake, holder = by_key.get(key), by_id.get(id)
            if namesake is not None:
                self._take(id, namesake, holder)
        taken = {contact.pk for contact in self._contacts.values()}
        for id in rows:
            holder = by_id.get(id)
            if id not in self._contacts and holder is not None and holder.pk not in taken:
                self._contacts[id] = holder

    def find(self, row: ContactRow) -> Contact | None:
        """The contact of this row."""
        return self._contacts.get(row.id)

    def _take(self, id: str, namesake: Contact, holder: Contact | None) -> None:
        """Ids may be stale, so an address without its id counts too."""
        self._contacts[id] = namesake
        if holder is not None and holder is not namesake:
            if is_on_the_move(holder):
                self.evicted[id] = holder
            else:
                self.unlinked.append(holder)
        old_id = namesake.remote_id
        if old_id not in (None, id) and is_on_the_move(namesake):
            self.replaced[str(old_id)] = namesake


def agreed_key(contact: Contact) -> str:
    """The key of the address that the contact is known to have at Resend, empty for none."""
    return email_key(str((contact.base or {}).get("email", "")))


def is_on_the_move(contact: Contact) -> bool:
    """Whether the local address differs, by more than letter case, from the one at Resend."""
    return agreed_key(contact) not in ("", contact.email_key)
