"""resend_cleanup and its task: old bookkeeping goes, what still matters stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_resend import tasks
from django_resend.models import ConflictRecord, Kind, SyncRun, WebhookEvent

from .helpers import run

pytestmark = pytest.mark.django_db


@pytest.fixture
def past() -> None:
    """Ten of each, the oldest a hundred days old."""
    for number in range(10):
        at = timezone.now() - timedelta(days=100 - number)
        states = ["applied", "ignored", "failed", "received"]
        WebhookEvent.objects.create(
            message_id=str(number), type="x", payload={}, state=states[number % 4], received_at=at
        )
        action = "push" if number % 2 else "pull"
        SyncRun.objects.create(action=action, state="done", started_at=at)
        ConflictRecord.objects.create(
            kind=Kind.CONTACT,
            object_id=1,
            field="x",
            winner="local",
            reason="policy",
            recorded_at=at,
        )


def left() -> tuple[int, int, int]:
    models: tuple[Any, ...] = (WebhookEvent, SyncRun, ConflictRecord)
    events, runs, conflicts = (model.objects.count() for model in models)
    return events, runs, conflicts


def test_a_dry_run_counts_and_the_command_deletes(past: None) -> None:
    told = run("resend_cleanup", "--dry-run", "--json").json
    assert left() == (10, 10, 10)

    outcome = run("resend_cleanup", "--json")

    assert (outcome.code, outcome.json) == (0, told)
    assert told == {"events": 7, "runs": 8, "conflicts": 10}
    assert left() == (3, 2, 0)
    assert WebhookEvent.objects.filter(state="received").count() == 2


def test_zero_keeps_for_ever(past: None, settings: Any) -> None:
    settings.RESEND = {"EVENT_RETENTION": 0, "RUN_RETENTION": 0}
    tasks.clean_up()
    assert left() == (10, 10, 10)


def test_a_paused_run_stays(past: None) -> None:
    SyncRun.objects.update(state="paused")
    tasks.clean_up()
    assert SyncRun.objects.count() == 10
