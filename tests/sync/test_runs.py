"""One pull at a time; a dead one is told from a living one, and taken up."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from django_resend.client import Client
from django_resend.models import CallBudget, SyncRun
from django_resend.sync.errors import AlreadyRunning
from django_resend.sync.limiter import TEAM
from django_resend.sync.pull import pull_all
from django_resend.sync.runs import HOST, begin, read_host
from django_resend.testing import FakeResend
from tests.oracle import differences

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return Client("re_test", base_url="http://127.0.0.1:9")


def running(owner: str, silent: timedelta = timedelta(0), **values: object) -> SyncRun:
    values.setdefault("cursor", {"after": "c1"})
    values.setdefault("scope", "contacts")
    last_sign = timezone.now() - silent
    return SyncRun.objects.create(
        action="pull", owner=owner, heartbeat_at=last_sign, stage="contacts", **values
    )


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_two_pulls_do_not_run_at_once(client: Client) -> None:
    begin(SyncRun.Action.PULL, client, scope="contacts")

    with pytest.raises(AlreadyRunning, match="A pull is running already"):
        begin(SyncRun.Action.PULL, client, scope="contacts")


def test_pulls_of_other_stages_run_side_by_side(client: Client) -> None:
    begin(SyncRun.Action.PULL, client, scope="contacts+members")

    begin(SyncRun.Action.PULL, client, scope="deep")
    with pytest.raises(AlreadyRunning):
        begin(SyncRun.Action.PULL, client, scope="members")


def test_a_pull_whose_time_is_over_goes_on_where_it_paused(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=250, segments=2, topics=1)
    slices = 1
    while pull_all(seconds=0).more and slices < 100:
        assert SyncRun.objects.get().state == SyncRun.State.PAUSED
        slices += 1

    assert 10 < slices < 100
    assert differences(resend_fake) == []
    assert SyncRun.objects.get().state == SyncRun.State.DONE


def test_a_pull_that_is_refused_makes_no_call(resend_fake: FakeResend, client: Client) -> None:
    begin(SyncRun.Action.PULL, client, scope="contacts")

    with pytest.raises(AlreadyRunning):
        pull_all()

    assert resend_fake.ledger.total == 0
    assert SyncRun.objects.count() == 1


def test_a_dead_process_of_this_machine_is_relieved_at_once(client: Client) -> None:
    record = running(f"{HOST}:{dead_process()}:abc")

    run = begin(SyncRun.Action.PULL, client, scope="contacts")

    assert (run.pk, run.resumed, run.cursor) == (record.pk, True, {"after": "c1"})


def test_a_number_that_this_process_inherited_from_a_dead_one_is_told_apart(
    client: Client,
) -> None:
    record = running(f"{HOST}:{os.getpid()}:another life")

    assert begin(SyncRun.Action.PULL, client, scope="contacts").pk == record.pk


def test_another_process_of_this_machine_is_left_to_its_work(client: Client) -> None:
    running(f"{HOST}:{os.getppid()}:abc")

    with pytest.raises(AlreadyRunning, match=f"{HOST}:{os.getppid()}"):
        begin(SyncRun.Action.PULL, client, scope="contacts")


@pytest.mark.parametrize(("silent", "taken_over"), [(60, False), (121, True)])
def test_another_machine_counts_as_dead_after_two_silent_minutes(
    client: Client, silent: int, taken_over: bool
) -> None:
    record = running("elsewhere:1:abc", timedelta(seconds=silent))

    if taken_over:
        assert begin(SyncRun.Action.PULL, client, scope="contacts").pk == record.pk
    else:
        with pytest.raises(AlreadyRunning):
            begin(SyncRun.Action.PULL, client, scope="contacts")


def test_a_run_of_another_sort_is_begun_anew_and_the_dead_one_closed(client: Client) -> None:
    record = running("elsewhere:1:abc", timedelta(hours=1))

    run = begin(SyncRun.Action.PULL, client, scope="deep")

    assert (run.pk != record.pk, run.resumed) == (True, False)
    record.refresh_from_db()
    assert record.state == SyncRun.State.FAILED
    assert record.message == "The process ended before the run did."


def test_a_sweep_of_yesterday_proves_nothing_and_is_begun_anew(client: Client) -> None:
    started = timezone.now() - timedelta(hours=7)
    record = running("elsewhere:1:abc", timedelta(hours=7), started_at=started)

    run = begin(SyncRun.Action.PULL, client, scope="contacts")

    assert (run.pk != record.pk, run.resumed) == (True, False)


@pytest.mark.parametrize("state", [SyncRun.State.DONE, SyncRun.State.STOPPED])
def test_a_finished_run_is_not_taken_up(client: Client, state: str) -> None:
    record = running("elsewhere:1:abc", state=state)

    assert begin(SyncRun.Action.PULL, client, scope="contacts").pk != record.pk


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("earlier", [False, True], ids=["first", "later"])
def test_of_pulls_begun_in_the_same_instant_one_runs(client: Client, earlier: bool) -> None:
    if earlier:
        SyncRun.objects.create(action="pull", state=SyncRun.State.DONE)
        CallBudget.objects.create(team=TEAM)
    outcomes: list[str] = []

    def start() -> None:
        try:
            begin(SyncRun.Action.PULL, client, scope="contacts")
            outcomes.append("running")
        except AlreadyRunning:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=start) for _ in range(4)]
    with transaction.atomic():
        # Whoever comes waits for this transaction, and then all go on together.
        SyncRun.objects.filter(action="pull").update(message="")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(0.3)
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["refused", "refused", "refused", "running"]


def test_a_container_of_the_same_name_is_another_host(client: Client) -> None:
    """Its process numbers mean nothing here: it is judged by its signs of life."""
    running(f"{HOST}1:{dead_process()}:abc")
    with pytest.raises(AlreadyRunning):
        begin(SyncRun.Action.PULL, client, scope="contacts")


def test_where_no_namespaces_are_known_the_name_is_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(path: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr("os.readlink", fail)
    assert read_host() == socket.gethostname()
