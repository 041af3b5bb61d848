"""What strangers do at Resend: people in the dashboard, subscribers on the unsubscribe page.

None of it is an API call; the ledger does not see it. Webhooks fire as for the same act by API.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import imports
from .lookups import find_contact
from .records import Contact, Import, Property, PropertyValue, Segment, Topic
from .replies import not_found
from .team import Team

_APART = 1_000  # microseconds between the creation of two seeded contacts


class Dashboard:
    """Acts by name. Contacts are given by address or id; segments, topics and properties by name
    (properties: key) or id. Raises ApiError for what does not exist.
    """

    def __init__(self, team: Team, lock: threading.RLock) -> None:
        self._team = team
        self._lock = lock

    def create_contact(
        self,
        email: str,
        *,
        properties: Mapping[str, PropertyValue | None] | None = None,
        segments: Sequence[str] = (),
        topics: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Contact:
        """A new contact. fields: first_name, last_name, unsubscribed."""
        with self._lock:
            return self._team.create_contact(
                email,
                fields,
                properties=properties,
                segments=[self._segment(name) for name in segments],
                topics={self._topic(name).id: choice for name, choice in (topics or {}).items()},
            )

    def edit_contact(
        self,
        contact: str,
        *,
        properties: Mapping[str, PropertyValue | None] | None = None,
        **fields: Any,
    ) -> None:
        """Set fields and merge properties; a property given as None is taken away."""
        with self._lock:
            self._team.edit_contact(find_contact(self._team, contact), fields, properties)

    def unsubscribe(self, contact: str) -> None:
        """The person leaves all broadcasts."""
        self.edit_contact(contact, unsubscribed=True)

    def resubscribe(self, contact: str) -> None:
        """The person comes back."""
        self.edit_contact(contact, unsubscribed=False)

    def choose_topic(self, contact: str, topic: str, subscription: str) -> None:
        """The person chooses "opt_in" or "opt_out" for one topic."""
        with self._lock:
            person = find_contact(self._team, contact)
            self._team.choose_topics(person, {self._topic(topic).id: subscription})

    def delete_contact(self, contact: str) -> None:
        with self._lock:
            self._team.delete_contact(find_contact(self._team, contact))

    def add_to_segment(self, contact: str, segment: str) -> None:
        with self._lock:
            person = find_contact(self._team, contact)
            self._team.join_segments(person, [self._segment(segment)])

    def remove_from_segment(self, contact: str, segment: str) -> None:
        with self._lock:
            person = find_contact(self._team, contact)
            self._team.store.leave(person, self._segment(segment))

    def create_segment(self, name: str) -> Segment:
        with self._lock:
            return self._team.create_segment(name)

    def rename_segment(self, segment: str, name: str) -> None:
        with self._lock:
            self._segment(segment).name = name

    def delete_segment(self, segment: str) -> None:
        with self._lock:
            self._team.store.remove_segment(self._segment(segment))

    def create_topic(
        self,
        name: str,
        default_subscription: str = "opt_in",
        description: str | None = None,
        visibility: str = "private",
    ) -> Topic:
        with self._lock:
            return self._team.create_topic(name, default_subscription, description, visibility)

    def edit_topic(self, topic: str, **fields: Any) -> None:
        """fields: name, description, visibility."""
        with self._lock:
            self._team.edit_topic(self._topic(topic), fields)

    def delete_topic(self, topic: str) -> None:
        with self._lock:
            self._team.delete_topic(self._topic(topic))

    def create_property(
        self, key: str, type: str = "string", fallback_value: PropertyValue | None = None
    ) -> Property:
        with self._lock:
            return self._team.define_property(key, type, fallback_value)

    def delete_property(self, key: str) -> None:
        """Takes the value from every contact as well."""
        with self._lock:
            definition = self._team.store.properties_by_key.get(key)
            if definition is None:
                raise not_found("Contact property")
            self._team.store.remove_property(definition)

    def import_csv(
        self,
        text: str,
        *,
        column_map: Mapping[str, Any] | None = None,
        on_conflict: str = "upsert",
        segments: Sequence[str] = (),
        topics: Mapping[str, str] | None = None,
    ) -> Import:
        """A file uploaded by hand; finished at once, and silent as all imports are."""
        with self._lock:
            columns = imports.Columns.read(None if column_map is None else dict(column_map))
            rows = imports.read_rows(text.encode(), columns)
            chosen = {self._topic(name).id: choice for name, choice in (topics or {}).items()}
            ids = [self._segment(name).id for name in segments]
            job = imports.accept(self._team, rows, columns, on_conflict, ids, chosen)
            imports.run(self._team, job)
            return job

    def seed(
        self,
        contacts: int = 0,
        *,
        segments: int | Iterable[str] = 0,
        topics: int | Iterable[str] = 0,
        properties: int | Iterable[str] = 0,
        unsubscribed_every: int = 0,
        domain: str = "example.org",
    ) -> None:
        """Fill the team fast and without webhooks.

        Contacts are person1@domain, person2@domain and on, the last one newest; person n is in
        segment n modulo their number, has an opt-out for every topic when n is a multiple of ten,
        and a value for each property.
        Addresses already there stay as they are. segments, topics, properties: how many, or names.
        """
        with self._lock:
            groups = [self._team.create_segment(name) for name in _names("Segment", segments)]
            subjects = [self._seed_topic(name) for name in _names("Topic", topics)]
            keys = list(_names("property", properties))
            for key in keys:
                if key not in self._team.store.properties_by_key:
                    self._team.define_property(key, "string", None)
            start = self._team.clock.micros() - contacts * _APART
            for number in range(1, contacts + 1):
                email = f"person{number}@{domain}"
                if self._team.store.contact_by_email(email) is not None:
                    continue
                row_id, _, serial = self._team.origin()
                at = start + number * _APART
                person = Contact(row_id, at, serial, email, updated_at=at)
                person.first_name = f"Person {number}"
                person.unsubscribed = bool(unsubscribed_every) and number % unsubscribed_every == 0
                person.properties = {key: f"{key} {number}" for key in keys}
                if number % 10 == 0:
                    person.topics = {topic.id: "opt_out" for topic in subjects}
                self._team.store.add_contact(person)
                if groups:
                    self._team.store.join(person, groups[number % len(groups)], at)

    def _seed_topic(self, name: str) -> Topic:
        row_id, now, serial = self._team.origin()
        topic = Topic(row_id, now, serial, name, "opt_in", updated_at=now)
        self._team.store.topics.add(topic)
        return topic

    def _segment(self, name: str) -> Segment:
        for segment in self._team.store.segments:
            if name in (segment.id, segment.name):
                return segment
        raise not_found("Segment")

    def _topic(self, name: str) -> Topic:
        for topic in self._team.store.topics:
            if name in (topic.id, topic.name):
                return topic
        raise not_found("Topic")


def _names(word: str, wanted: int | Iterable[str]) -> Iterable[str]:
    if isinstance(wanted, int):
        return (f"{word}_{number}" for number in range(1, wanted + 1))
    return wanted
