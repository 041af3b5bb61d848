"""The team's state and nothing else: rows, their order, and the lookups."""

from __future__ import annotations

from collections.abc import Iterator

from .index import NewestFirst
from .records import Contact, Import, Property, Segment, Suppression, Topic, Webhook


class Store:
    """Every list in the API's order, and contacts by address whatever its letter case."""

    def __init__(self) -> None:
        self.contacts: NewestFirst[Contact] = NewestFirst()
        self.segments: NewestFirst[Segment] = NewestFirst()
        self.topics: NewestFirst[Topic] = NewestFirst()
        self.properties: NewestFirst[Property] = NewestFirst()
        self.imports: NewestFirst[Import] = NewestFirst()
        self.open_imports: list[Import] = []
        self.webhooks: NewestFirst[Webhook] = NewestFirst()
        self.suppressions: NewestFirst[Suppression] = NewestFirst()
        self.properties_by_key: dict[str, Property] = {}
        self.former_ids: dict[str, str] = {}  # address -> id of its deleted contact
        self._by_email: dict[str, Contact] = {}
        self._serials = 0

    def next_serial(self) -> int:
        self._serials += 1
        return self._serials

    def add_contact(self, contact: Contact) -> None:
        self.contacts.add(contact)
        self._by_email[contact.email.lower()] = contact

    def contact_by_email(self, email: str) -> Contact | None:
        return self._by_email.get(email.lower())

    def remove_contact(self, contact: Contact) -> None:
        for segment in self.segments_of(contact):
            segment.members.discard(contact)
        self.contacts.discard(contact)
        del self._by_email[contact.email.lower()]
        self.former_ids[contact.email.lower()] = contact.id

    def segments_of(self, contact: Contact) -> Iterator[Segment]:
        for segment_id in contact.segments:
            segment = self.segments.get(segment_id)
            if segment is not None:
                yield segment

    def join(self, contact: Contact, segment: Segment, at: int) -> None:
        contact.segments.setdefault(segment.id, at)
        segment.members.add(contact)

    def leave(self, contact: Contact, segment: Segment) -> None:
        contact.segments.pop(segment.id, None)
        segment.members.discard(contact)

    def remove_segment(self, segment: Segment) -> None:
        for contact in segment.members:
            del contact.segments[segment.id]
        self.segments.discard(segment)

    def remove_topic(self, topic: Topic) -> None:
        for contact in self.contacts:
            contact.topics.pop(topic.id, None)
        self.topics.discard(topic)

    def add_property(self, definition: Property) -> None:
        self.properties.add(definition)
        self.properties_by_key[definition.name] = definition

    def remove_property(self, definition: Property) -> None:
        for contact in self.contacts:
            contact.properties.pop(definition.name, None)
        self.properties.discard(definition)
        del self.properties_by_key[definition.name]
