"""What the people of a history want, and what was asked for in their name."""

from __future__ import annotations

from typing import Any

from django_resend.models import (
    Contact,
    ImportEntry,
    Tombstone,
    Topic,
    TopicSubscription,
    email_key,
)
from django_resend.testing import FakeResend

Row = dict[str, Any]


class Wishes:
    """Addresses, and pairs of an address and Resend's id of a topic.

    ``out``: whose opt-out must hold. ``may_opt_in``: those for whom the explicit call was made.
    ``asked``: the pairs that anybody ever opted in. ``due``: the pairs that were opted in here,
    and must be at Resend in the end.
    ``wanted``: addresses that the site itself asked to exist at Resend. ``there``: those that
    others made there.
    ``carried``: addresses that are out because somebody who was out moved there.
    ``doubtful``: somebody at Resend made a contact whom an open import names too. Its counts prove
    nothing then, and nobody is deleted there on a guess.
    """

    def __init__(self, fake: FakeResend) -> None:
        self._fake = fake
        self.out: set[Any] = set()
        self.may_opt_in: set[Any] = set()
        self.asked: set[tuple[str, str]] = set()
        self.due: set[tuple[str, str]] = set()
        self.wanted: set[str] = set()
        self.there: set[str] = set()
        self.carried: set[str] = set()
        self.doubtful = False

    @property
    def topics(self) -> dict[str, str]:
        """Each topic's default, by Resend's id."""
        return {row["id"]: row["default_subscription"] for row in self._fake.state()["topics"]}

    def topic(self, name: str) -> str:
        rows = self._fake.state()["topics"]
        return next(str(row["id"]) for row in rows if row["name"] == name)

    def choice(self, remote: Row, topic: str) -> str:
        """What holds for this remote contact: its choice, or the topic's default."""
        return str(remote["topics"].get(topic, self.topics[topic]))

    # What happened here

    def resubscribed_here(self, person: str) -> None:
        self.out.discard(person)
        self.may_opt_in.add(person)

    def unsubscribed_here(self, person: str) -> None:
        self.out.add(person)
        self.carried.discard(person)

    def opted_out_here(self, pair: tuple[str, str]) -> None:
        self.out.add(pair)
        self.due.discard(pair)

    def opting_in_here(self, contact: Contact, topic: Topic, remote: Row | None) -> None:
        """Call it before the contact is opted in."""
        pair = (contact.email_key, str(topic.remote_id))
        self.out.discard(pair)
        self.may_opt_in.add(pair)
        self.asked.add(pair)
        if self._must_arrive(contact, topic, remote):
            self.due.add(pair)

    def _must_arrive(self, contact: Contact, topic: Topic, remote: Row | None) -> bool:
        """Whether nothing at Resend may be taken for an opt-out that the mirror didn't see."""
        if contact.remote_id is None or remote is None:
            is_new = contact.remote_id is None and remote is None
            return is_new and not self._is_under_way(contact)
        if remote["id"] != contact.remote_id:
            return False
        if self.choice(remote, str(topic.remote_id)) == "opt_in":
            return True
        row = TopicSubscription.objects.filter(contact=contact, topic=topic).first()
        base = row.base if row else ""
        return base == "opt_out" or (not base and topic.default_subscription == "opt_out")

    def _is_under_way(self, contact: Contact) -> bool:
        """Whether a creation for somebody else may yet arrive at this contact's address.

        Whom it makes is met as a stranger, whose opt-outs count until both sides have agreed.
        """
        at_address = {"email_key": contact.email_key}
        others = ImportEntry.objects.filter(**at_address).exclude(contact_id=contact.pk)
        traces = Tombstone.objects.filter(remote_id="", settled_at=None, **at_address)
        return others.exists() or traces.exists()

    def moved(self, person: str, other: str, contact: Contact) -> None:
        """The contact's choices go along; and what waited for the old address is the new one's."""
        if contact.unsubscribed and other not in self.out:
            self.out.add(other)
            self.carried.add(other)
        self.asked |= {(other, topic) for address, topic in self.asked if address == person}
        self.nothing_is_due(person)
        self.nothing_is_due(other)
        self.wanted.add(other)
        self.wanted.discard(person)

    def nothing_is_due(self, person: str) -> None:
        self.due = {pair for pair in self.due if pair[0] != person}

    # What happened at Resend

    def made_there(self, person: str) -> None:
        self.there.add(person)
        self.doubtful |= ImportEntry.objects.filter(email_key=person).exists()
        if not Contact.objects.for_address(person).filter(remote_id__isnull=False).exists():
            # Met as a stranger, whose opt-outs count until both sides have agreed.
            self.nothing_is_due(person)

    def opted_out_there(self, whom: Any, remote_id: str) -> None:
        """It is lost with a contact that the site has asked to delete unseen."""
        self.may_opt_in.discard(whom)
        self.carried.discard(whom)
        self.due.discard(whom)
        doomed = Tombstone.objects.filter(remote_id=remote_id, settled_at=None)
        if not doomed.exists():
            self.out.add(whom)

    def resubscribed_there(self, person: str, remote_id: str) -> None:
        """Also of a contact that has moved here, and not yet there: it is the same person."""
        self.out.discard(person)
        for contact in Contact.objects.filter(remote_id=remote_id):
            if contact.email_key in self.carried:
                self.out.discard(contact.email_key)

    def opted_in_there(self, pair: tuple[str, str], remote_id: str) -> None:
        self.out.discard(pair)
        self.asked.add(pair)
        # Whoever has another address here takes the choice along.
        for contact in Contact.objects.filter(remote_id=remote_id):
            self.asked.add((contact.email_key, pair[1]))

    def forget_unseen(self, person: str, contact: Contact | None) -> None:
        """An opt-out that the mirror never saw can't outlive the contact."""
        if contact is None or not contact.unsubscribed:
            self.out.discard(person)
        seen = set()
        if contact is not None:
            rows = TopicSubscription.objects.filter(contact=contact, subscription="opt_out")
            seen = set(rows.values_list("topic__remote_id", flat=True))
        for topic in self.topics:
            if topic not in seen:
                self.out.discard((person, topic))
        self.nothing_is_due(person)

    # What must be true in the end

    def assert_opt_outs_hold(self) -> None:
        for row in self._fake.state()["contacts"]:
            person = email_key(row["email"])
            if person in self.out:
                assert row["unsubscribed"], f"{person} had opted out"
            for topic in self.topics:
                if (person, topic) in self.out:
                    assert self.choice(row, topic) == "opt_out", f"{person} had opted out: {topic}"

    def assert_nobody_gets_what_they_did_not_ask_for(self) -> None:
        for row in self._fake.state()["contacts"]:
            person = email_key(row["email"])
            for topic, default in self.topics.items():
                if default == "opt_out" and (person, topic) not in self.asked:
                    assert self.choice(row, topic) == "opt_out", f"{person} never asked: {topic}"

    def assert_opt_ins_arrived(self) -> None:
        for row in self._fake.state()["contacts"]:
            person = email_key(row["email"])
            for topic in self.topics:
                if (person, topic) in self.due:
                    assert self.choice(row, topic) == "opt_in", f"{person} had opted in: {topic}"

    def assert_nobody_was_brought_back(self) -> None:
        asked_for = {email_key(person) for person in self.wanted | self.there}
        present = {email_key(row["email"]) for row in self._fake.state()["contacts"]}
        assert present <= asked_for
