"""resend_pull, for people and for machines."""

from __future__ import annotations

from typing import Any

import pytest

from django_resend.models import Contact, SyncRun
from django_resend.testing import FakeResend
from tests.oracle import differences
from tests.sync.helpers import formula, later, rows

from .helpers import Terminal, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(resend_fake: FakeResend) -> FakeResend:
    resend_fake.dashboard.seed(contacts=30, segments=2, topics=1, properties=1)
    return resend_fake


def test_it_pulls_everything_and_tells_what_it_did(team: FakeResend) -> None:
    outcome = run("resend_pull", "--no-progress")

    assert differences(team) == []
    assert (outcome.code, outcome.err) == (0, "")
    told = {line.rsplit(None, 1)[0]: line.split()[-1] for line in outcome.out.splitlines()}
    assert told["contacts created"] == "30"
    assert told["members created"] == "30"
    assert told["calls"] == str(formula(team, deep=True))


def test_shallow_leaves_the_deep_reads_out_and_deep_does_only_those(team: FakeResend) -> None:
    run("resend_pull", "--shallow")
    assert team.ledger.total == formula(team, deep=False)

    team.ledger.reset()
    run("resend_pull", "--deep")
    assert team.ledger.total == 60
    assert differences(team) == []


def test_deep_has_no_list_to_walk_whole(team: FakeResend) -> None:
    outcome = run("resend_pull", "--deep", "--full")

    assert outcome.code == 2
    assert "--deep reads no list" in outcome.err
    assert team.ledger.total == 0


def test_shallow_and_deep_exclude_each_other(team: FakeResend) -> None:
    outcome = run("resend_pull", "--shallow", "--deep")

    assert "not allowed with argument" in outcome.err
    assert team.ledger.total == 0


def test_its_json_holds_counts_calls_and_nothing_else(team: FakeResend) -> None:
    outcome = run("resend_pull", "--json", "--shallow")

    assert outcome.code == 0
    told = outcome.json
    assert told.keys() == {
        "counts",
        "calls",
        "planned_calls",
        "seconds",
        "calls_by_route",
        "stopped",
        "resumed",
    }
    assert told["counts"]["contacts_created"] == 30
    assert told["calls"] == sum(told["calls_by_route"].values()) == team.ledger.total
    assert (told["stopped"], told["resumed"]) == ([], False)


@pytest.mark.parametrize("which", [[], ["--shallow"], ["--deep"]], ids=["all", "shallow", "deep"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_dry_run_makes_no_call_and_changes_nothing(
    team: FakeResend, which: list[str], form: list[str]
) -> None:
    run("resend_pull")
    team.ledger.reset()
    before = rows(), SyncRun.objects.count()

    outcome = run("resend_pull", "--dry-run", *which, *form)

    assert outcome.code == 0
    assert team.ledger.total == 0
    assert (rows(), SyncRun.objects.count()) == before


def test_a_dry_run_tells_stages_calls_and_time(team: FakeResend, settings: Any) -> None:
    run("resend_pull")
    settings.RESEND = {**settings.RESEND, "RATE_LIMIT": 2}

    told = run("resend_pull", "--dry-run", "--json").json
    text = run("resend_pull", "--dry-run").out

    calls = formula(team, deep=True)
    assert told["calls"] == sum(stage["calls"] for stage in told["stages"]) == calls == 66
    assert [stage["seconds"] for stage in told["stages"]] == [1.5, 0.5, 1.0, 15.0, 15.0]
    assert (told["rate"], told["seconds"], told["exact"]) == (2.0, 33.0, False)
    assert text.splitlines()[-2:] == [
        "all              ~66  33 s",
        "About 33 s at 2.0 calls a second. Nothing was sent.",
    ]


def test_a_mass_deletion_is_told_on_stderr_and_by_the_exit_code(team: FakeResend) -> None:
    run("resend_pull")
    for contact in list(Contact.objects.all()[:12]):
        team.dashboard.delete_contact(contact.email)

    with later():
        stopped = run("resend_pull", "--shallow", "--no-progress")
        as_json = run("resend_pull", "--shallow", "--json", "--no-progress")
        assert Contact.objects.count() == 30
        allowed = run("resend_pull", "--shallow", "--allow-deletions")

    assert stopped.code == as_json.code == 1
    assert "12 of 30 contacts" in stopped.err
    assert "--allow-deletions" in stopped.err
    assert any("12 of 30 contacts" in sentence for sentence in as_json.json["stopped"])
    assert allowed.code == 0
    assert differences(team) == []


def test_a_site_that_only_pushes_does_not_pull(team: FakeResend, settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "DIRECTION": "push"}

    outcome = run("resend_pull")

    assert outcome.code == 2
    assert outcome.err == "CommandError: RESEND['DIRECTION'] is 'push': this site doesn't pull.\n"
    assert team.ledger.total == 0


def test_a_log_gets_progress_on_stderr_so_that_stdout_can_be_piped(team: FakeResend) -> None:
    outcome = run("resend_pull", "--json")

    assert outcome.json["calls"]
    assert "contacts: 30" in outcome.err
    assert "\x1b" not in outcome.err


@pytest.mark.parametrize("option", ["--no-progress", "--verbosity=0"])
def test_progress_can_be_turned_off(team: FakeResend, option: str) -> None:
    assert run("resend_pull", option).err == ""


@pytest.mark.parametrize("stderr", [None, Terminal()], ids=["log", "terminal"])
def test_the_last_stage_ends_with_its_figures_and_a_new_line(
    team: FakeResend, stderr: Terminal | None
) -> None:
    outcome = run("resend_pull", stderr=stderr)

    last = outcome.err.splitlines()[-1]
    assert "properties and topics: 30/30 (100%)" in last
    assert outcome.err.endswith("\n")
