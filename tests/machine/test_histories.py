"""Random histories of both sides, with faults and deaths between; then quiet: both sides equal.

Run more of them with DJANGO_RESEND_HISTORIES=5000.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, note
from hypothesis import settings as hypothesis_settings
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
    ImportEntry,
    OutboxEntry,
    Segment,
    WebhookEvent,
    email_key,
)
from django_resend.sync.apply import apply_contacts
from django_resend.sync.events import apply_events
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing.webhooks import DEFAULT_SECRET
from tests.oracle import differences

from .acts import ACTS, PEOPLE, Acts
from .world import Killed, World

HISTORIES = int(os.environ.get("DJANGO_RESEND_HISTORIES", "30"))
STEPS = int(os.environ.get("DJANGO_RESEND_STEPS", "30"))

SEGMENTS = ["VIP", "All"]
TOPICS = {"News": "opt_in", "Offers": "opt_in", "Digest": "opt_out"}
"""Each with its default."""
KEYS = ["plan", "seats"]

people = st.sampled_from(PEOPLE)
names = st.sampled_from(["", "Ada", "Bo", "Cy"])
plans = st.sampled_from(["free", "pro", None])
topics = st.sampled_from(list(TOPICS))
choices = st.sampled_from(["opt_in", "opt_out"])
REFUSALS = ("429", "quota")
faults = st.sampled_from(["status", "html", "429", "timeout", "drop", "quota"])
acts = st.sampled_from(ACTS)


class Histories(Acts, RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        for name in SEGMENTS:
            self.world.fake.dashboard.create_segment(name)
        for name, default in TOPICS.items():
            self.world.fake.dashboard.create_topic(name, default)
        self.world.fake.dashboard.create_property("plan", "string")
        self.world.fake.dashboard.create_property("seats", "number")
        pull_all(client=self.world.client)

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel("2026-01-01T00:00:00Z", tick=False)
        self.moment = self.clock.start()
        self.patches = [
            patch("django_resend.sync.calls.sleep", self.pass_time),
        ]
        for each in self.patches:
            each.start()
        self.world = World()
        self.wishes = self.world.wishes
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
        self.wishes.wanted.add(person)
        if unsubscribed:
            self.wishes.out.add(person)

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
        self.wishes.wanted.update(contact.email for contact in new)

    @rule(person=people)
    def unsubscribe_here(self, person: str) -> None:
        self.unsubscribe(person)

    @rule(person=people)
    def resubscribe_here(self, person: str) -> None:
        contact = self.here(person)
        if contact and contact.unsubscribed:
            contact.resubscribe(by="clerk", reason="asked")
            self.wishes.resubscribed_here(person)

    @rule(person=people, topic=topics, choice=choices)
    def choose_here(self, person: str, topic: str, choice: str) -> None:
        self.choose_topic_here(person, topic, choice)

    @rule(person=people, segment=st.sampled_from(SEGMENTS), join=st.booleans())
    def membership_here(self, person: str, segment: str, join: bool) -> None:
        contact, item = self.here(person), Segment.objects.filter(name=segment).first()
        if contact and item:
            (contact.segments.add if join else contact.segments.remove)(item)

    @rule(person=people)
    def delete_here(self, person: str) -> None:
        self.delete(person)

    @rule(person=people, other=people)
    def move_here(self, person: str, other: str) -> None:
        self.move(person, other)

    # What happens at Resend

    @rule(person=people, name=names, unsubscribed=st.booleans())
    def create_there(self, person: str, name: str, unsubscribed: bool) -> None:
        if not self.world.remote(person):
            self.world.fake.dashboard.create_contact(
                person, first_name=name or None, unsubscribed=unsubscribed
            )
            self.wishes.made_there(person)
            if unsubscribed:
                self.wishes.out.add(person)

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
            self.wishes.opted_out_there(person, remote["id"])
        else:
            self.wishes.resubscribed_there(person, remote["id"])

    @rule(person=people, topic=topics, choice=choices)
    def choose_there(self, person: str, topic: str, choice: str) -> None:
        self.choose_topic_there(person, topic, choice)

    @rule(person=people, segment=st.sampled_from(SEGMENTS), join=st.booleans())
    def membership_there(self, person: str, segment: str, join: bool) -> None:
        if self.world.remote(person):
            board = self.world.fake.dashboard
            (board.add_to_segment if join else board.remove_from_segment)(person, segment)

    @rule(person=people)
    def delete_there(self, person: str) -> None:
        if remote := self.world.remote(person):
            self.wishes.forget_unseen(person, self.here(person))
            self.world.fake.dashboard.delete_contact(person)
            self.wishes.there.discard(person)
            contact = self.here(person)
            is_on_its_way = contact is not None and _is_on_its_way(contact, remote["id"])
            if not is_on_its_way:
                self.wishes.wanted.discard(person)

    @rule(person=people, name=names)
    def import_there(self, person: str, name: str) -> None:
        self.world.fake.dashboard.import_csv(f"email,first_name\n{person},{name}\n")
        self.wishes.made_there(person)

    # What the engine does

    @rule(
        seconds=st.sampled_from([None, 60]),
        calls=st.dictionaries(st.integers(0, 12), st.tuples(acts, people, names), max_size=2),
    )
    def push(self, seconds: float | None, calls: dict[int, tuple[str, str, str]]) -> None:
        self.interrupted(calls, lambda: push_outbox(seconds=seconds, client=self.world.client))

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

    @rule(
        order=st.randoms(use_true_random=False),
        late=st.sampled_from([0.0, 0.3, 0.9]),
        lost=st.sampled_from([0.0, 0.2]),
        twice=st.sampled_from([0.0, 0.3]),
        calls=st.dictionaries(st.integers(0, 12), st.tuples(acts, people, names), max_size=2),
    )
    def webhooks(
        self,
        order: random.Random,
        late: float,
        lost: float,
        twice: float,
        calls: dict[int, tuple[str, str, str]],
    ) -> None:
        self.world.deliver(order, late=late, lost=lost, twice=twice)
        self.interrupted(calls, lambda: apply_events(client=self.world.client))

    @rule(kind=faults, after=st.booleans(), times=st.integers(1, 3))
    def fault(self, kind: str, after: bool, times: int) -> None:
        self.world.fake.faults.add(kind, after_effect=after, times=times)
        self.world.lies |= after and kind in REFUSALS

    @rule(seconds=st.sampled_from([0, 1, 5, 60, 400, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    @invariant()
    def no_promise_was_broken(self) -> None:
        if hasattr(self, "world"):
            assert self.world.broken == []

    # Helpers

    def pass_time(self, seconds: float) -> None:
        self.moment.shift(timedelta(seconds=seconds))

    def interrupted(
        self, calls: dict[int, tuple[str, str, str]], work: Callable[[], object]
    ) -> None:
        """Run the engine while the world moves on between its calls, or it is killed."""
        self.world.left_just_now.clear()
        self.world.interruptions.plan({at: self.interruption(*what) for at, what in calls.items()})
        try:
            work()
        except Killed:
            note("killed")
        except ResendError as error:
            note(f"stopped: {error}")
        self.world.interruptions.plan({})
        self.pass_time(1)

    def settle(self) -> None:
        """Faults end; then pulls and pushes until nothing is left to do."""
        self.world.interruptions.plan({})
        self.world.fake.faults.clear()
        for round_ in range(6):
            self.world.deliver(random.Random(round_), late=0.0 if round_ == 2 else 0.5)
            apply_events(client=self.world.client)
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
        assert not ImportEntry.objects.exists()
        assert not WebhookEvent.objects.exclude(state__in=["applied", "ignored"]).exists()
        self.wishes.assert_opt_outs_hold()
        self.wishes.assert_nobody_gets_what_they_did_not_ask_for()
        if not self.world.lies:
            self.wishes.assert_opt_ins_arrived()
        if not (self.world.lies or self.wishes.doubtful):
            self.wishes.assert_nobody_was_brought_back()
        assert self.world.broken == []


def _is_on_its_way(contact: Contact, other: str) -> bool:
    """Whether it is yet to arrive at its address, whoever else was there."""
    agreed = email_key(str((contact.base or {}).get("email", "")))
    return not contact.remote_id or (contact.remote_id != other and agreed != contact.email_key)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("threshold", [0, 1], ids=["single calls", "imports"])
def test_every_history_ends_in_agreement(settings: Any, threshold: int) -> None:
    run_histories(Histories, settings, threshold)


def run_histories(machine: type[Histories], settings: Any, threshold: int) -> None:
    settings.RESEND = {
        "API_KEY": "re_test",
        "WEBHOOK_SECRET": DEFAULT_SECRET,
        "BULK_THRESHOLD": threshold,
    }
    assert ContactProperty.objects.count() == 0
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
