"""Pushes, pulls and edits at the same time: nothing twice, nothing lost, nobody locked out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import OperationalError, connections, transaction
from django.db.models.signals import pre_delete
from django.dispatch import Signal
from django.test import override_settings
from django.utils import timezone

from django_resend.models import Contact, OutboxEntry, Segment
from django_resend.sync.errors import AlreadyRunning
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from tests.oracle import differences

from .edits import Editor, actual, furnish
from .witness import Witness

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SEEDS = range(int(os.environ.get("TORTURE_SEEDS", "3")))
ROUNDS = 60


@pytest.fixture
def fake() -> Iterator[Witness]:
    fake = Witness(latency_ms=1)
    site = {"API_KEY": "re_test", "BASE_URL": fake.url, "RATE_LIMIT": 0}
    with fake.serve(), override_settings(RESEND={**site, "BASE_URL": fake.url}):
        furnish(fake)
        fake.dashboard.seed(contacts=40)
        pull_all()
        yield fake
    fake.close()


class Crew:
    """Threads that work on the site until the crew is dismissed."""

    def __init__(self) -> None:
        self.faults: list[BaseException] = []
        self._dismissed = threading.Event()
        self._threads: list[threading.Thread] = []

    def again_and_again(self, work: Callable[[], object]) -> None:
        def body() -> None:
            while not self._dismissed.is_set():
                work()

        self.once(body)

    def once(self, work: Callable[[], object]) -> None:
        def body() -> None:
            try:
                work()
            except BaseException as fault:  # a thread's own faults would be lost
                self.faults.append(fault)
            finally:
                connections.close_all()

        thread = threading.Thread(target=body)
        self._threads.append(thread)
        thread.start()

    def dismiss(self) -> None:
        self._dismissed.set()
        self.join()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "A thread hangs."


@contextmanager
def crew() -> Iterator[Crew]:
    """Whatever happens, no thread outlives the test; and no fault of one is overlooked."""
    together = Crew()
    try:
        yield together
    finally:
        together.dismiss()
    assert together.faults == []


def edit_every_contact() -> int:
    vip = Segment.objects.get(name="VIP")
    with transaction.atomic():
        for contact in Contact.objects.all():
            contact.first_name = "Changed"
            contact.save()
            contact.segments.add(vip)
        Contact.objects.bulk_create(
            [Contact(email=f"new{number}@example.org") for number in range(20)]
        )
    return int(Contact.objects.count())


def assert_pushed_once(fake: Witness, contacts: int) -> None:
    assert not OutboxEntry.objects.exists()
    assert len(fake.writes) == 20 + 2 * (contacts - 20)
    assert [call for call, count in Counter(fake.writes).items() if count > 1] == [
        ("POST", "/contacts")
    ]
    assert fake.overwritten == []
    assert differences(fake) == []


def test_pushers_in_threads_push_every_entry_once(fake: Witness) -> None:
    contacts = edit_every_contact()
    with crew() as together:
        for _pusher in range(4):
            together.once(push_outbox)
        together.join()
    assert_pushed_once(fake, contacts)


def test_pushers_in_processes_push_every_entry_once(
    fake: Witness, child_env: dict[str, str]
) -> None:
    contacts = edit_every_contact()
    env = {**child_env, "RESEND_BASE_URL": fake.url}
    command = [sys.executable, "-m", "django", "resend_push", "--no-progress"]
    pushers = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE) for _ in range(3)]
    for pusher in pushers:
        assert pusher.wait(60) == 0
        assert pusher.stdout is not None
        pusher.stdout.close()
    assert_pushed_once(fake, contacts)


def test_a_contact_deleted_while_its_creation_begins_does_not_come_back(fake: Witness) -> None:
    """The deletion has looked for what is at Resend already, but isn't done."""
    contact = Contact.objects.create(email="bo@example.org")
    looked, go_on = threading.Event(), threading.Event()

    def wait(method: str, path: str) -> None:
        if not looked.is_set():
            looked.set()
            go_on.wait(10)

    def let_the_push_go_on(**_: object) -> None:
        go_on.set()
        time.sleep(0.3)

    fake.before_call = wait
    with crew() as together, receiving(pre_delete, let_the_push_go_on):
        together.once(push_outbox)
        looked.wait(10)
        contact.delete()
        together.join()
    settle()
    pull_all()
    assert not Contact.objects.filter(email="bo@example.org").exists()
    assert differences(fake) == []


@contextmanager
def receiving(signal: Signal, receiver: Callable[..., None]) -> Iterator[None]:
    signal.connect(receiver, sender=Contact)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=Contact)


def pull_if_none_runs() -> None:
    with suppress(AlreadyRunning):
        pull_all()


def giving_way(work: Callable[[], object]) -> Callable[[], object]:
    """The engine's part of a deadlock is to fail and to be run again; a save's is to succeed."""

    def attempt() -> object:
        with suppress(OperationalError):
            return work()
        return None

    return attempt


@pytest.mark.parametrize("seed", SEEDS)
def test_edits_race_pushes_and_pulls_and_none_is_lost(fake: Witness, seed: int) -> None:
    editor = Editor(seed, actual())
    with crew() as together:
        together.again_and_again(push_outbox)
        together.again_and_again(push_outbox)
        together.again_and_again(pull_if_none_runs)
        for _round in range(ROUNDS):
            editor.edit()
    settle()
    assert editor.lost() == []
    assert fake.twins() == []
    assert fake.overwritten == []
    assert fake.unexplained() == []
    assert differences(fake) == []
    assert pull_all().complete
    assert editor.lost() == []


@pytest.mark.parametrize("seed", SEEDS)
def test_transactions_over_many_contacts_race_pushes_and_pulls(fake: Witness, seed: int) -> None:
    editor = Editor(seed, actual())
    with crew() as together:
        together.again_and_again(giving_way(push_outbox))
        together.again_and_again(giving_way(push_outbox))
        together.again_and_again(giving_way(pull_if_none_runs))
        for _round in range(ROUNDS // 5):
            with transaction.atomic():
                for _edit in range(10):
                    editor.edit()
    settle()
    assert editor.lost() == []
    assert differences(fake) == []


def settle() -> None:
    for _push in range(5):
        OutboxEntry.objects.update(next_attempt_at=timezone.now())
        if push_outbox().complete:
            break
    assert not OutboxEntry.objects.exists()
