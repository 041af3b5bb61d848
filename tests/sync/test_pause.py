"""A used-up quota: the lane pauses for everybody, and goes on by itself or when told to."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_resend import tasks
from django_resend.client import Reply, errors
from django_resend.models import CallBudget, Contact, OutboxEntry
from django_resend.sync.calls import open_client
from django_resend.sync.errors import QuotaPaused
from django_resend.sync.limiter import Limiter, paused_until, resume
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.management.helpers import run
from tests.oracle import differences

from .stores import keep_budget_in

pytestmark = pytest.mark.django_db

EVENING = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.fixture
def used_up(resend_fake: FakeResend) -> FakeResend:
    """A contact waits, and the push of it met a used-up quota."""
    Contact.objects.create(email="ada@example.org")
    resend_fake.faults.add("quota")
    with pytest.raises(errors.QuotaExceeded):
        push_outbox()
    resend_fake.ledger.reset()
    return resend_fake


@pytest.mark.parametrize(
    ("name", "retry_after", "until"),
    [
        ("daily_quota_exceeded", None, MIDNIGHT),
        ("monthly_quota_exceeded", None, EVENING + timedelta(days=1)),
        ("daily_quota_exceeded", 600.0, EVENING + timedelta(minutes=10)),
        ("monthly_quota_exceeded", 1e12, EVENING + timedelta(days=31)),
    ],
)
@pytest.mark.parametrize("store", ["database", pytest.param("cache", marks=pytest.mark.redis)])
def test_it_pauses_until_the_quota_begins_anew(
    settings: Any, store: str, name: str, retry_after: float | None, until: datetime
) -> None:
    with keep_budget_in(store, settings), time_machine.travel(EVENING, tick=False):
        limiter = Limiter(now=EVENING.timestamp, sleep=lambda seconds: None)
        limiter.learn(Reply(429, 10, 9, 1.0, retry_after, name))

        assert paused_until() == until
        with pytest.raises(QuotaPaused):
            open_client()
    with time_machine.travel(until + timedelta(seconds=1)):
        assert paused_until() is None


def test_while_paused_nothing_is_called_and_nothing_lost(used_up: FakeResend) -> None:
    for begin in (push_outbox, pull_all):
        with pytest.raises(QuotaPaused, match=r"no call is made until .* UTC"):
            begin()

    assert used_up.ledger.total == 0
    assert OutboxEntry.objects.get().state == OutboxEntry.State.PENDING


@pytest.mark.parametrize("task", [tasks.push, tasks.pull, tasks.deep_pull])
def test_a_task_ends_at_once_with_one_sentence(
    used_up: FakeResend, caplog: pytest.LogCaptureFixture, task: Any
) -> None:
    with caplog.at_level(logging.INFO, logger="django_resend.tasks"):
        task()

    assert used_up.ledger.total == 0
    assert len(caplog.records) == 1
    assert "no call is made until" in caplog.text


@pytest.mark.parametrize("command", ["resend_push", "resend_pull", "resend_sync", "resend_drift"])
def test_a_command_ends_at_once_with_one_sentence(used_up: FakeResend, command: str) -> None:
    outcome = run(command)

    assert outcome.code == 2
    assert "resend_status --resume" in outcome.err
    assert used_up.ledger.total == 0


def test_the_status_says_until_when(used_up: FakeResend) -> None:
    text, told = run("resend_status"), run("resend_status", "--json")

    assert text.code == told.code == 1
    assert "No calls until " in text.out
    assert told.json["budget"]["paused_until"] is not None


def test_a_person_lifts_the_pause(used_up: FakeResend) -> None:
    outcome = run("resend_status", "--resume")

    assert "No calls until" not in outcome.out
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        push_outbox()
    assert differences(used_up) == []


def test_it_goes_on_by_itself_once_the_quota_begins_anew(used_up: FakeResend) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=1, hours=1)):
        push_outbox()

    assert differences(used_up) == []


def test_without_a_pause_there_is_nothing_to_lift() -> None:
    assert not resume()

    CallBudget.objects.create(team="team", paused_until=timezone.now() + timedelta(hours=1))
    assert resume()
    assert not resume()
