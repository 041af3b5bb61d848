"""Entries that a dead push held are pushed at once; those of a living one are left to it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import time_machine
from django.utils import timezone

from django_resend.models import Contact, OutboxEntry, SyncRun
from django_resend.sync.push import push_outbox
from django_resend.sync.push.claims import LEASE, claim
from django_resend.sync.runs import HOST
from django_resend.testing import FakeResend

pytestmark = pytest.mark.django_db(transaction=True)


def pid_of_the_dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def hold(owner: str, state: SyncRun.State = SyncRun.State.RUNNING) -> SyncRun:
    """A push by this owner that took an entry and never gave it back."""
    Contact.objects.create(email="ada@example.org")
    run = SyncRun.objects.create(action=SyncRun.Action.PUSH, owner=owner, state=state)
    assert len(claim(20, run.pk)) == 1
    return run


def test_what_a_killed_push_of_this_host_held_is_pushed_at_once(resend_fake: FakeResend) -> None:
    run = hold(f"{HOST}:{pid_of_the_dead()}:0123abcd")
    assert push_outbox().done == 1
    run.refresh_from_db()
    assert (run.state, bool(run.message)) == (SyncRun.State.FAILED, True)


def test_what_an_earlier_process_with_our_number_held_is_pushed_at_once(
    resend_fake: FakeResend,
) -> None:
    hold(f"{HOST}:{os.getpid()}:00000000")
    assert push_outbox().done == 1


def test_what_a_finished_push_held_is_pushed_at_once(resend_fake: FakeResend) -> None:
    hold(f"{HOST}:1:0123abcd", SyncRun.State.DONE)
    assert push_outbox().done == 1


@pytest.mark.parametrize("owner", ["elsewhere:4194303:0123abcd", f"{HOST}:{os.getppid()}:0123abcd"])
def test_a_push_that_may_be_alive_keeps_its_entries_until_their_lease_ends(
    resend_fake: FakeResend, owner: str
) -> None:
    run = hold(owner)
    assert push_outbox().calls == 0
    assert OutboxEntry.objects.exists()
    with time_machine.travel(timezone.now() + LEASE, tick=True):
        assert push_outbox().done == 1
    run.refresh_from_db()
    assert run.state == SyncRun.State.RUNNING
