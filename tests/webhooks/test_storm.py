"""A storm of webhooks, shuffled, doubled and lost, with edits here and two workers at once.

STORM_EVENTS sets the size. With --log-cli-level=INFO it tells its figures.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection

from django_resend.models import Contact, OutboxEntry, WebhookEvent
from django_resend.sync.events import apply_events
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .conftest import Hooks, later, post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

logger = logging.getLogger(__name__)

EVENTS = int(os.environ.get("STORM_EVENTS", "2000"))
SEED = int(os.environ.get("STORM_SEED", "20260301"))
PEOPLE = 200
DOUBLED, LOST = 0.10, 0.05


class Watch:
    """Counts what the databases' connections of all threads refused."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            name = type(error).__name__
            self.errors["deadlock" if "deadlock" in str(error).lower() else name] += 1
            # The same message twice is what the constraint is for.
            if isinstance(error, IntegrityError) and "webhookevent" in sql.lower():
                self.errors["duplicate"] += 1
                self.errors["IntegrityError"] -= 1
            raise


@pytest.fixture
def watch() -> Watch:
    return Watch()


def stir(fake: FakeResend, chance: random.Random) -> None:
    """Acts at Resend until they have made so many events."""
    board, made = fake.dashboard, 0
    while len(fake.webhooks.pending()) < EVENTS:
        person = f"person{chance.randint(1, PEOPLE)}@example.org"
        act = chance.choices(range(5), [40, 15, 10, 30, 5])[0]
        exists = fake.team.store.contact_by_email(person) is not None
        if act == 4:
            made += 1
            board.create_contact(f"new{made}@example.org", first_name="New")
        elif not exists:
            continue
        elif act == 0:
            board.edit_contact(person, first_name=f"there {chance.randrange(1000)}")
        elif act == 1:
            board.unsubscribe(person)
        elif act == 2:
            board.resubscribe(person)
        else:
            choice = chance.choice(["opt_in", "opt_out"])
            board.choose_topic(person, chance.choice(["News", "Offers"]), choice)
    for number in range(1, 6):
        board.delete_contact(f"new{number}@example.org")


def test_after_a_storm_and_a_sweep_both_sides_are_equal(hooks: Hooks, watch: Watch) -> None:
    fake, chance = hooks.fake, random.Random(SEED)
    fake.dashboard.seed(contacts=PEOPLE, segments=2, topics=["News", "Offers"])
    pull_all()
    fake.clock.advance(60)
    stir(fake, chance)
    deliveries = hooks.hold()
    sent = [one for one in deliveries if chance.random() >= LOST]
    sent += [one for one in sent if chance.random() < DOUBLED]
    chance.shuffle(sent)
    over = threading.Event()
    edits: dict[str, str] = {}

    def watched(work: Callable[[], Any]) -> None:
        try:
            with connection.execute_wrapper(watch):
                work()
        finally:
            connection.close()

    def deliver(share: list[Any]) -> None:
        for one in share:
            assert post(one.body, one.signed(int(time.time() * 1e6))) == 204

    def apply() -> None:
        while not over.is_set() or apply_events().more:
            apply_events()
            time.sleep(0.01)

    def edit() -> None:
        mine = random.Random(SEED)
        while not over.is_set():
            person = f"person{mine.randint(1, PEOPLE)}@example.org"
            contact = Contact.objects.for_address(person).get()
            contact.last_name = edits[person] = f"here {mine.randrange(1000)}"
            contact.save()
            time.sleep(0.01)

    def push() -> None:
        while not over.is_set():
            push_outbox()
            time.sleep(0.05)

    fake.ledger.reset()
    started = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        working = [threads.submit(watched, work) for work in (apply, apply, edit, push)]
        halves = (sent[::2], sent[1::2])
        posting = [threads.submit(watched, lambda h=half: deliver(h)) for half in halves]  # type: ignore[misc]
        try:
            for one in posting:
                one.result()
            posted = time.monotonic() - started
        finally:
            over.set()
        for one in working:
            one.result()
    taken = time.monotonic() - started
    reads = fake.ledger.by_route
    with later(hours=2):
        apply_events()
        push_outbox()
    states = Counter(WebhookEvent.objects.values_list("state", flat=True))
    logger.info(
        "%d events made, %d posted in %.1f s, applied after %.1f s; %s; refused by the database: "
        "%s; single reads %s; %d edits here",
        *(len(deliveries), len(sent), posted, taken, dict(states), dict(+watch.errors)),
        *({r: n for r, n in reads.items() if r.startswith("GET")}, len(edits)),
    )
    assert not watch.errors["deadlock"]
    assert not watch.errors["IntegrityError"]
    assert set(states) <= {"applied", "ignored"}
    for hours in (3, 4):
        with later(hours=hours):
            pull_all(allow_deletions=True)
            push_outbox()
    assert differences(fake) == []
    assert not OutboxEntry.objects.exists()
    stored = dict(Contact.objects.values_list("email_key", "last_name"))
    assert {person: stored[person] for person in edits} == edits
