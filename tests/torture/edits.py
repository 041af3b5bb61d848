"""Random edits of the mirror through every way of writing, and what they must come to."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from django.db import transaction

from django_resend.models import Contact, Segment, Topic
from django_resend.testing import FakeResend

Expected = dict[str, dict[str, Any]]
"""Each contact that must exist, by local key: what a person would see of it."""

SEGMENTS = ("VIP", "News readers", "Trial")
TOPICS = ("Offers", "Events")


def furnish(fake: FakeResend) -> None:
    """The definitions that the edits use; they must be pulled before an ``Editor`` is made."""
    for segment in SEGMENTS:
        fake.dashboard.create_segment(segment)
    for topic in TOPICS:
        fake.dashboard.create_topic(topic, "opt_in")
    fake.dashboard.create_property("plan")


class RolledBack(Exception):
    """Ends a transaction so that nothing of it stays."""


class Editor:
    """Edits the mirror at random and keeps the expected outcome beside it.

    Nobody else may edit meanwhile, at Resend or here: then ``expected`` is what both must hold
    in the end. The definitions must be in the mirror already.
    """

    def __init__(self, seed: int, expected: Expected | None = None, start: int = 0) -> None:
        self.random = random.Random(seed)
        self.expected: Expected = expected or {}
        self.serial = start
        self._segments = {row.name: row for row in Segment.objects.filter(name__in=SEGMENTS)}
        self._topics = {row.name: row for row in Topic.objects.filter(name__in=TOPICS)}
        self._acts: list[tuple[Callable[[], None], int]] = [
            (self.create, 20),
            (self.create_many, 2),
            (self.rename, 20),
            (self.set_properties, 15),
            (self.update_many, 8),
            (self.join, 12),
            (self.leave, 8),
            (self.set_segments, 6),
            (self.opt_out, 8),
            (self.opt_in, 4),
            (self.unsubscribe, 6),
            (self.resubscribe, 3),
            (self.readdress, 6),
            (self.delete, 4),
            (self.delete_many, 1),
            (self.roll_back, 5),
        ]

    def edit(self) -> str:
        """One random edit; returns its name."""
        acts, weights = zip(*self._acts, strict=True)
        act = self.random.choices(acts, weights)[0] if len(self.expected) > 3 else self.create
        act()
        return str(act.__name__)

    def create(self) -> None:
        contact = Contact(
            email=self._address(),
            first_name=self._word(),
            unsubscribed=self.random.random() < 0.1,
        )
        with transaction.atomic():
            contact.save()
            wanted = self._some(SEGMENTS)
            contact.segments.add(*(self._segments[name] for name in wanted))
        self._note(contact, segments=wanted)

    def create_many(self) -> None:
        rows = [Contact(email=self._address(), last_name=self._word()) for _ in range(3)]
        Contact.objects.bulk_create(rows)
        for row in rows:
            self._note(Contact.objects.for_address(row.email).get())

    def rename(self) -> None:
        contact = self._any()
        contact.first_name = self._word()
        contact.save()
        self._of(contact)["first_name"] = contact.first_name

    def set_properties(self) -> None:
        contact = self._any()
        if self.random.random() < 0.3:
            contact.properties.pop("plan", None)
        else:
            contact.properties["plan"] = self._word()
        contact.save()
        self._of(contact)["properties"] = dict(contact.properties)

    def update_many(self) -> None:
        pks = self.random.sample(sorted(self.expected), 3)
        name = self._word()
        Contact.objects.filter(pk__in=pks).update(last_name=name)
        for pk in pks:
            self.expected[pk]["last_name"] = name

    def join(self) -> None:
        contact, name = self._any(), self.random.choice(SEGMENTS)
        contact.segments.add(self._segments[name])
        held = self._of(contact)["segments"]
        self._of(contact)["segments"] = sorted({*held, name})

    def leave(self) -> None:
        contact, name = self._any(), self.random.choice(SEGMENTS)
        contact.segments.remove(self._segments[name])
        held = self._of(contact)["segments"]
        self._of(contact)["segments"] = [other for other in held if other != name]

    def set_segments(self) -> None:
        contact, names = self._any(), self._some(SEGMENTS)
        contact.segments.set([self._segments[name] for name in names])
        self._of(contact)["segments"] = names

    def opt_out(self) -> None:
        contact, name = self._any(), self.random.choice(TOPICS)
        contact.opt_out(self._topics[name])
        self._of(contact)["topics"][name] = "opt_out"

    def opt_in(self) -> None:
        contact, name = self._any(), self.random.choice(TOPICS)
        contact.opt_in(self._topics[name], by="editor", reason="asked to")
        self._of(contact)["topics"][name] = "opt_in"

    def unsubscribe(self) -> None:
        contact = self._any()
        contact.unsubscribed = True
        contact.save()
        self._of(contact)["unsubscribed"] = True

    def resubscribe(self) -> None:
        contact = self._any()
        contact.resubscribe(by="editor", reason="asked to")
        self._of(contact)["unsubscribed"] = False

    def readdress(self) -> None:
        contact = self._any()
        contact.email = self._address()
        contact.save()
        self._of(contact)["email"] = contact.email

    def delete(self) -> None:
        contact = self._any()
        pk = str(contact.pk)
        contact.delete()
        del self.expected[pk]

    def delete_many(self) -> None:
        pks = self.random.sample(sorted(self.expected), 2)
        Contact.objects.filter(pk__in=pks).delete()
        for pk in pks:
            del self.expected[pk]

    def roll_back(self) -> None:
        contact = self._any()
        try:
            with transaction.atomic():
                Contact.objects.create(email=self._address())
                contact.first_name = "never"
                contact.save()
                contact.segments.clear()
                raise RolledBack
        except RolledBack:
            pass

    def lost(self) -> list[str]:
        """Each expected contact that the mirror shows differently, and each one too many."""
        found = actual()
        return [
            f"{pk}: expected {self.expected.get(pk)}, found {found.get(pk)}"
            for pk in sorted(self.expected.keys() | found.keys())
            if self.expected.get(pk) != found.get(pk)
        ]

    def _any(self) -> Contact:
        contact: Contact = Contact.objects.get(pk=self.random.choice(sorted(self.expected)))
        return contact

    def _of(self, contact: Contact) -> dict[str, Any]:
        return self.expected[str(contact.pk)]

    def _note(self, contact: Contact, segments: list[str] | None = None) -> None:
        self.expected[str(contact.pk)] = {
            "email": contact.email,
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "unsubscribed": contact.unsubscribed,
            "properties": dict(contact.properties),
            "segments": segments or [],
            "topics": dict.fromkeys(TOPICS, "opt_in"),
        }

    def _address(self) -> str:
        self.serial += 1
        return f"p{self.serial}@example.org"

    def _word(self) -> str:
        return f"word {self.random.randrange(10_000)}"

    def _some(self, names: tuple[str, ...]) -> list[str]:
        return sorted(name for name in names if self.random.random() < 0.5)


def actual() -> Expected:
    """The mirror's contacts in the shape of the expected ones."""
    found = {}
    defaults = {topic.name: topic.default_subscription for topic in Topic.objects.all()}
    for contact in Contact.objects.prefetch_related("segments", "topicsubscription_set__topic"):
        choices = {row.topic.name: row.subscription for row in contact.topicsubscription_set.all()}
        found[str(contact.pk)] = {
            "email": contact.email,
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "unsubscribed": contact.unsubscribed,
            "properties": contact.properties,
            "segments": sorted(segment.name for segment in contact.segments.all()),
            "topics": {**defaults, **choices},
        }
    return found
