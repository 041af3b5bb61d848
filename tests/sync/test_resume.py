"""A pull that was killed goes on where it stopped: the same end, hardly a call twice."""

from __future__ import annotations

import pytest

from django_resend.client import errors
from django_resend.models import SyncRun
from django_resend.sync.pull import PullReport, pull_all
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Throttle, Watcher, client_of, formula

pytestmark = pytest.mark.django_db

DEFINITIONS = 3
"""Calls for the three short lists, which are read again as a whole."""

TRIES = 5


class Killed(BaseException):
    """No code of the engine can catch it and go on."""


def stop() -> None:
    raise Killed


def pull_until(fake: FakeResend, call: int, *, deep: bool, how: str) -> None:
    """A pull whose process dies before its n-th call, or that loses the network there."""
    if how == "killed":
        with client_of(fake, Throttle(call, stop)) as client, pytest.raises(Killed):
            pull_all(deep=deep, client=client)
        return

    def lose() -> None:
        fake.faults.add("drop", times=TRIES)

    with client_of(fake, Throttle(call, lose)) as client, pytest.raises(errors.AnswerLost):
        pull_all(deep=deep, client=client)


def go_on(fake: FakeResend, *, deep: bool) -> PullReport:
    fake.ledger.reset()
    return pull_all(deep=deep)


# 250 contacts in two segments: 3 lists of definitions, 3 pages of contacts, 2 + 2 of members.
@pytest.mark.parametrize("how", ["killed", "cut off"])
@pytest.mark.parametrize("call", range(1, 11))
def test_a_shallow_pull_goes_on_from_any_call(
    resend_fake: FakeResend, pauses: list[float], call: int, how: str
) -> None:
    resend_fake.dashboard.seed(contacts=250, segments=2, unsubscribed_every=9)
    whole = formula(resend_fake, deep=False)
    assert whole == 10
    pull_until(resend_fake, call, deep=False, how=how)

    report = go_on(resend_fake, deep=False)

    assert differences(resend_fake) == []
    assert report.complete
    left = whole - (call - 1)
    again = call - 1 if call - 1 <= DEFINITIONS else 1
    assert resend_fake.ledger.total <= left + again
    assert SyncRun.objects.count() == 1 + (not report.resumed)


# 4 contacts: 3 + 1 + 1 calls, then two for each contact, stored together.
@pytest.mark.parametrize("call", range(1, 14))
def test_a_whole_pull_goes_on_from_any_call(resend_fake: FakeResend, call: int) -> None:
    resend_fake.dashboard.seed(contacts=4, segments=1, topics=1, properties=1)
    assert formula(resend_fake, deep=True) == 13
    pull_until(resend_fake, call, deep=True, how="killed")

    go_on(resend_fake, deep=True)

    assert differences(resend_fake) == []


@pytest.mark.parametrize("call", [6, 54, 56, 57, 100, 106, 125])
def test_a_deep_pull_reads_only_one_batch_of_contacts_again(
    resend_fake: FakeResend, call: int
) -> None:
    resend_fake.dashboard.seed(contacts=60, segments=1, topics=1, properties=1)
    whole = formula(resend_fake, deep=True)
    assert whole == 5 + 2 * 60
    pull_until(resend_fake, call, deep=True, how="killed")

    report = go_on(resend_fake, deep=True)

    assert differences(resend_fake) == []
    assert report.resumed
    batch = 2 * 25
    assert resend_fake.ledger.total <= whole - (call - 1) + min(batch, call - 6) + 1


def test_what_a_killed_sweep_met_is_not_taken_for_absent(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=250)
    pull_all(deep=False)
    pull_until(resend_fake, 6, deep=False, how="killed")

    report = go_on(resend_fake, deep=False)

    assert report.complete
    assert report.resumed
    assert "GET /contacts/{id}" not in resend_fake.ledger.by_route


def test_a_deletion_during_a_pull_that_was_killed_is_followed(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=250)
    pull_all(deep=False)
    pull_until(resend_fake, 5, deep=False, how="killed")
    resend_fake.dashboard.delete_contact("person2@example.org")

    go_on(resend_fake, deep=False)

    assert differences(resend_fake, deep=False) == []


def test_a_resumed_pull_says_so(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=250)
    pull_until(resend_fake, 5, deep=False, how="killed")
    started = SyncRun.objects.get().started_at
    watcher = Watcher()

    report = pull_all(deep=False, progress=watcher)

    assert report.resumed
    assert watcher.notes == [f"Going on with the pull of {started:%H:%M} UTC."]
    run = SyncRun.objects.get()
    assert run.state == SyncRun.State.DONE
    assert run.cursor == {}
    assert run.calls == report.calls == formula(resend_fake, deep=False) + 1


def test_a_killed_deep_pull_is_not_taken_up_by_a_shallow_one(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=30, topics=1)
    pull_until(resend_fake, 20, deep=True, how="killed")

    report = pull_all(deep=False)

    assert not report.resumed
    assert SyncRun.objects.count() == 2
