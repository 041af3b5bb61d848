"""Random histories of both sides, with faults and deaths between; then quiet: both sides equal.

Run more of them with DJANGO_RESEND_HISTORIES=5000.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from django_resend.client.errors import ResendError
from django_resend.client.rows import ContactRow
from django_resend.models import (
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    Tombstone,
    Topic,
    TopicSubscription,
    email_key,
)
from django_resend.sync.apply import apply_contacts
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from tests.oracle import differences

from .world import Killed, World

HISTORIES = int(os.environ.get("DJANGO_RESEND_HISTORIES", "40"))
STEPS = int(os.environ.get("DJANGO_RESEND_STEPS", "30"))

PEOPLE = [f"p{number}@example.org" for number in range(4)]
SEGMENTS = ["VIP", "All"]
TOPICS = ["News", "Offers"]
KEYS = ["plan", "seats"]

people = st.sampled_from(PEOPLE)
names = st.sampled_from(["", "Ada", "Bo", "Cy"])
plans = st.sampled_from(["free", "pro", None])
choices = st.sampled_from(["opt_in", "opt_out"])
faults = st.sampled_from(["status", "html", "429", "timeout", "drop", "quota"])
acts = st.sampled_from(["edit here", "edit there", "leave here", "leave there", "kill"])


class Histories(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        for name in SEGMENTS:
            self.world.fake.dashboard.create_segment(name)
        for name in TOPICS:
            self.world.fake.dashboard.create_topic(name, "opt_in")
        self.world.fake.dashboard.create_property("plan", "string")
        self.world.fake.dashboard.create_property("seats", "number")
        pull_all(client=self.world.client)

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel("2026-01-01T00:00:00Z", tick=False)
        self.moment = self.clock.start()
        self.patches = [
            patch("django_resend.sync.calls.sleep", lambda seconds: None),
        ]
        for each in self.patches:
            each.start()
        self.world = World()
        self.database = transaction.atomic()
        # As a test case's own transaction: it doesn't count as one of ours.
        vars(self.database)["_from_testcase"] = True
        self.database.__enter__()

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.settle()
        finally:
            transaction.set_rollback(True)
            self.database.__exit__(None, None, None)
            self.world.close()
            for each in self.patches:
                each.stop()
            self.clock.stop()

    # What happens here

    @rule(person=people, name=names, unsubscribed=st.booleans())
    def create_here(self, person: str, name: str, unsubscribed: bool) -> None:
        if self.here(person):
            return
        contact = Contact(email=person.capitalize(), first_name=name, unsubscribed=unsubscribed)
        contact.save()
        self.world.wanted.add(person)
        if unsubscribed:
            self.world.out.add(person)

    @rule(person=people, name=names, plan=plans)
    def edit_here(self, person: str, name: str, plan: str | None) -> None:
        if contact := self.here(person):
            contact.first_name = name
            contact.properties = {k: v for k, v in {"plan": plan}.items() if v}
            contact.save()

    @rule(person=people, name=names)
    def update_here(self, person: str, name: str) -> None:
        Contact.objects.for_address(person).update(last_name=name)

    @rule(first=people, second=people)
    def bulk_create_here(self, first: str, second: str) -> None:
        new = [Contact(email=p) for p in {first, second} if not self.here(p)]
        Contact.objects.bulk_create(new)
        self.world.wanted.update(contact.email for contact in new)

    @rule(person=people)
    def unsubscribe_here(self, person: str) -> None:
        if contact := self.here(person):
            contact.unsubscribed = True
            contact.save()
            self.world.out.add(person)

    @rule(person=people)
    def resubscribe_here(self, person: str) -> None:
        contact = self.here(person)
        if contact and contact.unsubscribed:
            contact.resubscribe(by="clerk", reason="asked")
            self.opted_in(person)

    @rule(person=people, topic=st.sampled_from(TOPICS), choice=choices)
    def choose_here(self, person: str, topic: str, choice: str) -> None:
        contact, item = self.here(person), Topic.objects.filter(name=topic).first()
        if contact is None or item is None:
            return
        pair = (person, item.remote_id)
        if choice == "opt_out":
            contact.opt_out(item)
            self.world.out.add(pair)
        else:
            contact.opt_in(item, by="clerk", reason="asked")
            self.opted_in(pair)

    @rule(person=people, segment=st.sampled_from(SEGMENTS), join=st.booleans())
    def membership_here(self, person: str, segment: str, join: bool) -> None:
        contact, item = self.here(person), Segment.objects.filter(name=segment).first()
        if contact and item:
            (contact.segments.add if join else contact.segments.remove)(item)

    @rule(person=people)
    def delete_here(self, person: str) -> None:
        if contact := self.here(person):
            self.forget_unseen(person, contact)
            contact.delete()
            self.world.wanted.discard(person)

    @rule(person=people, other=people)
    def move_here(self, person: str, other: str) -> None:
        contact = self.here(person)
        if contact is None or self.here(other):
            return
        self.forget_unseen(person, contact)
        if contact.unsubscribed:
            self.world.out.add(other)
        contact.email = other
        contact.save()
        self.world.wanted.add(other)
        self.world.wanted.discard(person)

    # What happens at Resend

    @rule(person=people, name=names, unsubscribed=st.booleans())
    def create_there(self, person: str, name: str, unsubscribed: bool) -> None:
        if not self.world.remote(person):
            self.world.fake.dashboard.create_contact(
                person, first_name=name or None, unsubscribed=unsubscribed
            )
            if unsubscribed:
                self.world.out.add(person)

    @rule(person=people, name=names, plan=plans)
    def edit_there(self, person: str, name: str, plan: str | None) -> None:
        if self.world.remote(person):
            self.world.fake.dashboard.edit_contact(
                person, last_name=name or None, properties={"plan": plan}
            )

    @rule(person=people, out=st.booleans())
    def subscription_there(self, person: str, out: bool) -> None:
        remote = self.world.remote(person)
        if remote is None or remote["unsubscribed"] == out:
            return
        self.world.fake.dashboard.edit_contact(person, unsubscribed=out)
        if out:
            self.opted_out(person, remote["id"])
        else:
            self.world.out.discard(person)

    @rule(person=people, topic=st.sampled_from(TOPICS), choice=choices)
    def choose_there(self, person: str, topic: str, choice: str) -> None:
        remote = self.world.remote(person)
        id = next(t["id"] for t in self.world.fake.state()["topics"] if t["name"] == topic)
        if remote is None or remote["topics"].get(id, "opt_in") == choice:
            return
        self.world.fake.dashboard.choose_topic(person, topic, choice)
        if choice == "opt_out":
            self.opted_out((person, id), remote["id"])
        else:
            self.world.out.discard((person, id))

    @rule(person=people, segment=st.sampled_from(SEGMENTS), join=st.booleans())
    def membership_there(self, person: str, segment: str, join: bool) -> None:
        if self.world.remote(person):
            board = self.world.fake.dashboard
            (board.add_to_segment if join else board.remove_from_segment)(person, segment)

    @rule(person=people)
    def delete_there(self, person: str) -> None:
        if self.world.remote(person):
            self.forget_unseen(person, self.here(person))
            self.world.fake.dashboard.delete_contact(person)
            contact = self.here(person)
            if contact is None or contact.remote_id:
                self.world.wanted.discard(person)

    @rule(person=people, name=names)
    def import_there(self, person: str, name: str) -> None:
        self.world.fake.dashboard.import_csv(f"email,first_name\n{person},{name}\n")

    # What the engine does

    @rule(calls=st.dictionaries(st.integers(0, 12), st.tuples(acts, people, names), max_size=2))
    def push(self, calls: dict[int, tuple[str, str, str]]) -> None:
        self.interrupted(calls, lambda: push_outbox(client=self.world.client))

    @rule(
        deep=st.booleans(),
        calls=st.dictionaries(st.integers(0, 12), st.tuples(acts, people, names), max_size=2),
    )
    def pull(self, deep: bool, calls: dict[int, tuple[str, str, str]]) -> None:
        self.interrupted(
            calls,
            lambda: pull_all(deep=deep, allow_deletions=True, client=self.world.client),
        )

    @rule(person=people, keys=st.sets(st.sampled_from(["first_name", "unsubscribed"])))
    def partial_payload(self, person: str, keys: set[str]) -> None:
        remote = self.world.remote(person)
        if remote is not None:
            told = {key: remote[key] for key in {"id", "email", *keys}}
            with transaction.atomic():
                apply_contacts([ContactRow.read(told)], fetched_at=timezone.now())

    @rule(kind=faults, after=st.booleans(), times=st.integers(1, 3))
    def fault(self, kind: str, after: bool, times: int) -> None:
        self.world.fake.faults.add(kind, after_effect=after, times=times)

    @rule(seconds=st.sampled_from([0, 1, 5, 60, 400, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    @invariant()
    def no_promise_was_broken(self) -> None:
        if hasattr(self, "world"):
            assert self.world.broken == []

    # Helpers

    def here(self, person: str) -> Contact | None:
        contact: Contact | None = Contact.objects.for_address(person).first()
        return contact

    def opted_in(self, whom: Any) -> None:
        self.world.out.discard(whom)
        self.world.may_opt_in.add(whom)

    def opted_out(self, whom: Any, remote_id: str) -> None:
        """At Resend. It is lost with a contact that the site has asked to delete unseen."""
        self.world.may_opt_in.discard(whom)
        doomed = Tombstone.objects.filter(remote_id=remote_id, settled_at=None)
        if not doomed.exists():
            self.world.out.add(whom)

    def forget_unseen(self, person: str, contact: Contact | None) -> None:
        """An opt-out that the mirror never saw can't outlive the contact."""
        if contact is None or not contact.unsubscribed:
            self.world.out.discard(person)
        seen = set()
        if contact is not None:
            rows = TopicSubscription.objects.filter(contact=contact, subscription="opt_out")
            seen = set(rows.values_list("topic__remote_id", flat=True))
        for topic in self.world.fake.state()["topics"]:
            if topic["id"] not in seen:
                self.world.out.discard((person, topic["id"]))

    def pass_time(self, seconds: float) -> None:
        self.moment.shift(timedelta(seconds=seconds))

    def interrupted(
        self, calls: dict[int, tuple[str, str, str]], work: Callable[[], object]
    ) -> None:
        """Run the engine while the world moves on between its calls, or it is killed."""
        self.world.interruptions.plan({at: self.interruption(*what) for at, what in calls.items()})
        try:
            work()
        except Killed:
            note("killed")
        except ResendError as error:
            note(f"stopped: {error}")
        self.world.interruptions.plan({})
        self.pass_time(1)

    def interruption(self, act: str, person: str, name: str) -> Callable[[], None]:
        return {
            "kill": _kill,
            "edit here": lambda: self._edit_here(person, name),
            "edit there": lambda: self._edit_there(person, name),
            "leave here": lambda: self._leave_here(person),
            "leave there": lambda: self._leave_there(person),
        }[act]

    def _edit_here(self, person: str, name: str) -> None:
        if contact := self.here(person):
            contact.first_name = name
            contact.save()

    def _edit_there(self, person: str, name: str) -> None:
        if self.world.remote(person):
            self.world.fake.dashboard.edit_contact(person, first_name=name or None)

    def _leave_here(self, person: str) -> None:
        if contact := self.here(person):
            contact.unsubscribed = True
            contact.save()
            self.world.out.add(person)

    def _leave_there(self, person: str) -> None:
        remote = self.world.remote(person)
        if remote and not remote["unsubscribed"]:
            self.world.fake.dashboard.unsubscribe(person)
            self.opted_out(person, remote["id"])

    def settle(self) -> None:
        """Faults end; then pulls and pushes until nothing is left to do."""
        self.world.interruptions.plan({})
        self.world.fake.faults.clear()
        for _round in range(6):
            self.pass_time(7200)
            pull_all(allow_deletions=True, client=self.world.client)
            self.pass_time(7200)
            OutboxEntry.objects.update(state="pending")
            push_outbox(client=self.world.client)
            self.pass_time(7200)
        pull_all(allow_deletions=True, client=self.world.client)
        note(str(list(OutboxEntry.objects.values())))
        assert differences(self.world.fake) == []
        assert not OutboxEntry.objects.exists()
        self.assert_opt_outs_hold()
        assert self.world.broken == []

    def assert_opt_outs_hold(self) -> None:
        for row in self.world.fake.state()["contacts"]:
            person = email_key(row["email"])
            if person in self.world.out:
                assert row["unsubscribed"], f"{person} had opted out"
            for whom in self.world.out:
                if isinstance(whom, tuple) and whom[0] == person:
                    assert row["topics"].get(whom[1]) == "opt_out", f"{whom} had opted out"


def _kill() -> None:
    raise Killed


@pytest.mark.django_db(transaction=True)
def test_every_history_ends_in_agreement() -> None:
    assert ContactProperty.objects.count() == 0
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
