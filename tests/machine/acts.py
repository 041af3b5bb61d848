"""What people do here and at Resend, also between two calls of the engine."""

from __future__ import annotations

from collections.abc import Callable

from django_resend.models import Contact, Topic, TopicSubscription

from .wishes import Wishes
from .world import Killed, World

PEOPLE = [f"p{number}@example.org" for number in range(4)]
NEXT = dict(zip(PEOPLE, [*PEOPLE[1:], PEOPLE[0]], strict=True))
"""Where they move to in the middle of the engine's work."""

ACTS = [
    "edit here",
    "edit there",
    "leave here",
    "leave there",
    "move here",
    "delete here",
    "opt in here",
    "opt out there",
    "kill",
]


class Acts:
    """Needs a world; what people want is noted with every act."""

    world: World
    wishes: Wishes

    def here(self, person: str) -> Contact | None:
        contact: Contact | None = Contact.objects.for_address(person).first()
        return contact

    def interruption(self, act: str, person: str, name: str) -> Callable[[], None]:
        return {
            "kill": _kill,
            "edit here": lambda: self.rename_here(person, name),
            "edit there": lambda: self.rename_there(person, name),
            "leave here": lambda: self.unsubscribe(person),
            "leave there": lambda: self.unsubscribe_there(person),
            "move here": lambda: self.move(person, NEXT[person]),
            "delete here": lambda: self.delete(person),
            "opt in here": lambda: self.choose_topic_here(person, "Digest", "opt_in"),
            "opt out there": lambda: self.choose_topic_there(person, "Digest", "opt_out"),
        }[act]

    def rename_here(self, person: str, name: str) -> None:
        if contact := self.here(person):
            contact.first_name = name
            contact.save()

    def rename_there(self, person: str, name: str) -> None:
        if self.world.remote(person):
            self.world.fake.dashboard.edit_contact(person, first_name=name or None)

    def delete(self, person: str) -> None:
        if contact := self.here(person):
            self.wishes.forget_unseen(person, contact)
            contact.delete()
            self.world.left_just_now.add(person)
            self.wishes.wanted.discard(person)

    def move(self, person: str, other: str) -> None:
        contact = self.here(person)
        if contact is None or self.here(other):
            return
        self.wishes.forget_unseen(person, contact)
        contact.email = other
        contact.save()
        self.world.left_just_now.add(person)
        self.wishes.moved(person, other, contact)

    def unsubscribe(self, person: str) -> None:
        contact = self.here(person)
        # A save that changes nothing is no news, whatever the person chose at Resend since.
        if contact and not contact.unsubscribed:
            contact.unsubscribed = True
            contact.save()
            self.wishes.unsubscribed_here(person)

    def unsubscribe_there(self, person: str) -> None:
        remote = self.world.remote(person)
        if remote and not remote["unsubscribed"]:
            self.world.fake.dashboard.unsubscribe(person)
            self.wishes.opted_out_there(person, remote["id"])

    def choose_topic_here(self, person: str, topic: str, choice: str) -> None:
        contact, item = self.here(person), Topic.objects.filter(name=topic).first()
        if contact is None or item is None:
            return
        if choice == "opt_in":
            self.wishes.opting_in_here(contact, item, self.world.remote(person))
            contact.opt_in(item, by="clerk", reason="asked")
            return
        chosen = TopicSubscription.objects.filter(contact=contact, topic=item)
        if not chosen.filter(subscription="opt_out").exists():
            contact.opt_out(item)
            self.wishes.opted_out_here((person, str(item.remote_id)))

    def choose_topic_there(self, person: str, topic: str, choice: str) -> None:
        remote, id = self.world.remote(person), self.wishes.topic(topic)
        # What is shown to them already, people don't choose.
        if remote is None or self.wishes.choice(remote, id) == choice:
            return
        self.world.fake.dashboard.choose_topic(person, topic, choice)
        if choice == "opt_out":
            self.wishes.opted_out_there((person, id), remote["id"])
        else:
            self.wishes.opted_in_there((person, id), remote["id"])


def _kill() -> None:
    raise Killed
