"""resend_push and resend_sync, for people and for machines."""

from __future__ import annotations

from typing import Any

import pytest

from django_resend.models import Contact, OutboxEntry, SyncRun
from django_resend.testing import FakeResend
from tests.oracle import differences
from tests.sync.helpers import later, rows

from .helpers import run

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(resend_fake: FakeResend) -> FakeResend:
    """Three new contacts wait in the outbox."""
    for name in ("ada", "bob", "cy"):
        Contact.objects.create(email=f"{name}@example.org")
    return resend_fake


def refuse_one(fake: FakeResend) -> None:
    body = {"statusCode": 422, "name": "validation_error", "message": "Not this one."}
    fake.faults.add(status=422, body=body, route="POST /contacts")


def test_it_empties_the_outbox(waiting: FakeResend) -> None:
    outcome = run("resend_push", "--no-progress")

    assert (outcome.code, outcome.err) == (0, "")
    assert [line.split() for line in outcome.out.splitlines()] == [
        ["pushed", "3"],
        ["refused", "0"],
        ["to", "be", "tried", "again", "0"],
        ["calls", "6"],
        ["calls", "planned", "6"],
        ["time", "0", "s"],
    ]
    assert not OutboxEntry.objects.exists()
    assert differences(waiting) == []


def test_nothing_to_push_is_done_without_a_call(resend_fake: FakeResend) -> None:
    assert run("resend_push").code == 0
    assert resend_fake.ledger.total == 0


def test_a_refused_row_stops_no_other_and_shows_in_the_exit_code(waiting: FakeResend) -> None:
    refuse_one(waiting)

    outcome = run("resend_push", "--json")

    assert outcome.code == 1
    told = outcome.json
    cost = {"calls", "planned_calls", "seconds", "calls_by_route"}
    assert told.keys() == {"pushed", "refused", "retried", "notes", *cost}
    assert (told["pushed"], told["refused"], told["retried"]) == (2, 1, 0)
    assert told["calls"] == waiting.ledger.total
    entry = OutboxEntry.objects.get()
    words = (entry.state, entry.error_status, entry.error_name, entry.error_message)
    assert words == ("refused", 422, "validation_error", "Not this one.")


def test_a_refused_row_is_told_where_to_look_for(waiting: FakeResend) -> None:
    refuse_one(waiting)

    outcome = run("resend_push", "--no-progress")

    assert outcome.err == "Why rows were refused: resend_status, or the admin's outbox.\n"


@pytest.mark.parametrize("command", ["resend_push", "resend_sync"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_dry_run_makes_no_call_and_changes_nothing(
    waiting: FakeResend, command: str, form: list[str]
) -> None:
    before = rows(), SyncRun.objects.count()

    outcome = run(command, "--dry-run", *form)

    assert outcome.code == 0
    assert waiting.ledger.total == 0
    assert (rows(), SyncRun.objects.count()) == before
    if form:
        stage = {"name": "new contacts", "calls": 6, "exact": False, "seconds": 0.0}
        assert stage in outcome.json["stages"]


def test_a_site_that_only_pulls_records_and_pushes_nothing(
    resend_fake: FakeResend, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "DIRECTION": "pull"}
    Contact.objects.create(email="ada@example.org")

    outcome = run("resend_push")

    assert outcome.code == 2
    assert outcome.err == "CommandError: RESEND['DIRECTION'] is 'pull': this site doesn't push.\n"
    assert resend_fake.ledger.total == 0
    assert not OutboxEntry.objects.exists()


def test_sync_learns_of_an_opt_out_before_it_sends_anything(waiting: FakeResend) -> None:
    waiting.dashboard.create_contact("ada@example.org", unsubscribed=True)

    outcome = run("resend_sync", "--no-progress")

    assert outcome.code == 0
    assert Contact.objects.get(email="ada@example.org").unsubscribed
    assert differences(waiting) == []


def test_syncs_json_holds_both_ways(waiting: FakeResend) -> None:
    told = run("resend_sync", "--json").json

    assert told.keys() == {"pull", "push"}
    assert told["push"]["pushed"] == 3
    assert told["pull"]["calls"] + told["push"]["calls"] == waiting.ledger.total


def test_sync_of_a_site_that_only_pulls_pulls(resend_fake: FakeResend, settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "DIRECTION": "pull"}
    resend_fake.dashboard.seed(contacts=3)

    assert run("resend_sync").code == 0
    assert differences(resend_fake) == []
    assert all(route.startswith("GET ") for route in resend_fake.ledger.by_route)


def test_sync_of_a_site_that_only_pushes_pushes(waiting: FakeResend, settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "DIRECTION": "push"}

    assert run("resend_sync").code == 0
    assert not OutboxEntry.objects.exists()


@pytest.mark.parametrize("stop", ["pull", "push"])
def test_syncs_exit_code_is_the_worse_of_both(waiting: FakeResend, stop: str) -> None:
    if stop == "push":
        refuse_one(waiting)
    else:
        waiting.dashboard.seed(contacts=20)
        run("resend_pull")
        for number in range(1, 13):
            waiting.dashboard.delete_contact(f"person{number}@example.org")

    with later():
        assert run("resend_sync", "--shallow", "--json").code == 1
