"""What can happen in a Resend team: every change of state, with the events it fires.

Routes, the dashboard and imports all go through here, so that they agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .clock import Clock
from .events import contact_data, suppression_data, topic_data
from .quirks import Quirks
from .records import Contact, Property, PropertyValue, Segment, Suppression, Topic
from .store import Store
from .webhooks import Webhooks

NAMES = ("first_name", "last_name")


class Team:
    """The state and the acts on it. Nothing here checks input: routes do."""

    def __init__(
        self, clock: Clock, ids: Callable[[], str], quirks: Quirks, webhooks: Webhooks
    ) -> None:
        self.clock = clock
        self.ids = ids
        self.quirks = quirks
        self.webhooks = webhooks
        self.store = Store()

    def reset(self) -> None:
        """Forget everything the team holds."""
        self.store = Store()

    def origin(self, row_id: str | None = None) -> tuple[str, int, int]:
        """id, created_at and serial of an object made now."""
        return row_id or self.ids(), self.clock.micros(), self.store.next_serial()

    # contacts

    def create_contact(
        self,
        email: str,
        fields: Mapping[str, Any] | None = None,
        *,
        properties: Mapping[str, PropertyValue | None] | None = None,
        segments: Iterable[Segment] = (),
        topics: Mapping[str, str] | None = None,
        silent: bool = False,
    ) -> Contact:
        """A new contact with its memberships and choices. `fields`: names and unsubscribed."""
        kept = self.quirks["recreated_id"] == "same"
        row_id, now, serial = self.origin(
            self.store.former_ids.get(email.lower()) if kept else None
        )
        spelled = email.lower() if self.quirks["email_case"] == "lowered" else email
        contact = Contact(row_id, now, serial, spelled, updated_at=now)
        self._set_fields(contact, fields or {})
        self._set_properties(contact, properties or {})
        contact.topics.update(topics or {})
        self.store.add_contact(contact)
        for segment in segments:
            self.store.join(contact, segment, now)
        if not silent:
            self._fire_contact("contact.created", contact)
        return contact

    def upsert_contact(
        self,
        contact: Contact,
        fields: Mapping[str, Any],
        *,
        properties: Mapping[str, PropertyValue | None] | None,
        segments: Iterable[Segment] | None,
        topics: Mapping[str, str] | None,
    ) -> None:
        """A repeated create: what the body leaves out goes back to its default."""
        everything = self.quirks["upsert_resets"] == "all"
        if everything:
            contact.properties.clear()
            contact.topics.clear()
            for segment in list(self.store.segments_of(contact)):
                self.store.leave(contact, segment)
        defaults: dict[str, Any] = {"first_name": None, "last_name": None, "unsubscribed": False}
        self._set_fields(contact, defaults | dict(fields))
        self._set_properties(contact, properties or {})
        contact.topics.update(topics or {})
        self.join_segments(contact, segments or ())
        self._touch(contact)
        self._fire_contact("contact.updated", contact)

    def edit_contact(
        self,
        contact: Contact,
        fields: Mapping[str, Any],
        properties: Mapping[str, PropertyValue | None] | None = None,
        *,
        silent: bool = False,
    ) -> None:
        """Set the given fields, merge the given properties (None takes one away)."""
        self._set_fields(contact, fields)
        self._set_properties(contact, properties or {})
        self._touch(contact)
        heard = bool(fields) or self.quirks.yes("updated_on_properties")
        if heard and not silent:
            self._fire_contact("contact.updated", contact)

    def delete_contact(self, contact: Contact) -> None:
        self._touch(contact)
        event = contact_data(contact, self.quirks)
        self.store.remove_contact(contact)
        self._fire("contact.deleted", event)

    def join_segments(self, contact: Contact, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self.store.join(contact, segment, self.clock.micros())

    def choose_topics(
        self, contact: Contact, choices: Mapping[str, str], *, silent: bool = False
    ) -> None:
        """Note explicit choices; the event names those that changed."""
        changed = {
            topic: choice
            for topic, choice in choices.items()
            if contact.topics.get(topic) != choice
        }
        contact.topics.update(choices)
        if changed and not silent:
            rows = [{"id": topic, "subscription": choice} for topic, choice in changed.items()]
            self._fire("contact.topics.updated", {"email": contact.email, "topics": rows})

    # segments, topics, properties, suppressions

    def create_segment(self, name: str) -> Segment:
        segment = Segment(*self.origin(), name)
        self.store.segments.add(segment)
        return segment

    def create_topic(
        self, name: str, default_subscription: str, description: str | None, visibility: str
    ) -> Topic:
        row_id, now, serial = self.origin()
        topic = Topic(row_id, now, serial, name, default_subscription, description, visibility, now)
        self.store.topics.add(topic)
        self._fire("topic.created", topic_data(topic))
        return topic

    def edit_topic(self, topic: Topic, fields: Mapping[str, Any]) -> None:
        for name, value in fields.items():
            setattr(topic, name, value)
        topic.updated_at = self.clock.micros()
        self._fire("topic.updated", topic_data(topic))

    def delete_topic(self, topic: Topic) -> None:
        topic.updated_at = self.clock.micros()
        self.store.remove_topic(topic)
        self._fire("topic.deleted", topic_data(topic, deleted=True))

    def define_property(self, key: str, type_: str, fallback: PropertyValue | None) -> Property:
        definition = Property(*self.origin(), key, type_, fallback)
        self.store.add_property(definition)
        return definition

    def suppress(self, email: str, origin: str = "manual") -> Suppression:
        """Suppress an address; one already suppressed stays as it is."""
        for known in self.store.suppressions:
            if known.email == email.lower():
                return known
        suppression = Suppression(*self.origin(), email.lower(), origin)
        self.store.suppressions.add(suppression)
        self._fire("suppression.added", suppression_data(suppression))
        return suppression

    def unsuppress(self, suppression: Suppression) -> None:
        self.store.suppressions.discard(suppression)
        self._fire("suppression.removed", suppression_data(suppression))

    # shared

    def _set_fields(self, contact: Contact, fields: Mapping[str, Any]) -> None:
        for name in NAMES:
            if name in fields:
                empty = "" if self.quirks["names_empty"] == "empty" else None
                setattr(contact, name, empty if fields[name] == "" else fields[name])
        if "unsubscribed" in fields:
            contact.unsubscribed = fields["unsubscribed"]

    def _set_properties(
        self, contact: Contact, properties: Mapping[str, PropertyValue | None]
    ) -> None:
        for key, value in properties.items():
            if value is None:
                contact.properties.pop(key, None)
            else:
                contact.properties[key] = value

    def _touch(self, contact: Contact) -> None:
        contact.updated_at = self.clock.micros()

    def _fire_contact(self, event: str, contact: Contact) -> None:
        self._fire(event, contact_data(contact, self.quirks))

    def _fire(self, event: str, data: dict[str, Any]) -> None:
        self.webhooks.publish(event, data, self.store.webhooks)
