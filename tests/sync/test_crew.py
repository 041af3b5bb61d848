"""Several calls under way at once, and only where that pays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from django_resend.client import Client, errors
from django_resend.models import Contact, OutboxEntry, Segment, SyncRun
from django_resend.sync.calls import open_client
from django_resend.sync.crew import Crew, useful_calls_in_flight
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def slow_fake(settings: Any) -> Iterator[FakeResend]:
    """A fake that takes 10 ms to answer, on a site that may make 500 single calls a second."""
    fake = FakeResend(latency_ms=10)
    with fake.serve():
        settings.RESEND = {
            "API_KEY": "re_test",
            "BASE_URL": fake.url,
            "RATE_LIMIT": 500,
            "LIMITER": "database",
            "BULK_THRESHOLD": 0,
        }
        yield fake
    fake.close()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads started of the engine's own."""
    names: list[str] = []
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        if thread.name.startswith("django-resend"):
            names.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noted)
    return names


@pytest.fixture
def client(slow_fake: FakeResend) -> Iterator[Client]:
    with open_client() as client:
        yield client


@pytest.mark.parametrize(
    ("rate", "latency", "most"),
    [
        (2, 0.04, 1),
        (9.5, 0.1, 1),
        (9.5, 0.2, 3),
        (95, 0.04, 6),
        (95, 0.5, 8),
        (95, 0.0, 1),
    ],
)
def test_as_many_calls_as_rate_and_latency_ask_for(
    client: Client, settings: Any, rate: float, latency: float, most: int
) -> None:
    settings.RESEND = {**settings.RESEND, "RATE_LIMIT": rate}
    client._transport.latency = latency

    assert useful_calls_in_flight(client) == most


def test_never_more_than_the_setting(client: Client, settings: Any) -> None:
    client._transport.latency = 1.0
    for most in (1, 2, 32):
        settings.RESEND = {**settings.RESEND, "CONCURRENCY": most}
        assert useful_calls_in_flight(client) == most


def test_one_at_a_time_where_threads_cannot_see_the_rows(client: Client) -> None:
    client._transport.latency = 1.0

    with transaction.atomic():
        assert useful_calls_in_flight(client) == 1


def test_jobs_are_begun_in_order_and_bring_back_results_and_errors(client: Client) -> None:
    client._transport.latency = 1.0
    begun: list[int] = []

    def job(number: int) -> int:
        begun.append(number)
        if number == 7:
            raise ValueError(number)
        return number * 2

    def call(number: int) -> Callable[[], int]:
        return lambda: job(number)

    with Crew(client) as crew:
        futures = [crew.submit(call(number)) for number in range(30)]
        assert [f.result() for f in futures if f is not futures[7]] == [
            number * 2 for number in range(30) if number != 7
        ]
        assert isinstance(futures[7].exception(), ValueError)

    assert sorted(begun) == list(range(30))


def test_at_the_end_what_nobody_began_is_dropped(client: Client) -> None:
    client._transport.latency = 1.0
    release, begun = threading.Event(), threading.Event()

    def job() -> bool:
        begun.set()
        return release.wait(10)

    def end() -> None:
        with Crew(client) as crew:
            futures.extend(crew.submit(job) for _ in range(100))
            begun.wait(10)

    futures: list[Any] = []
    ending = threading.Thread(target=end)
    ending.start()
    begun.wait(10)
    while len(futures) < 100:
        time.sleep(0.01)
    release.set()
    ending.join()

    assert sum(future.done() for future in futures) >= 1
    assert all(future.result() for future in futures if future.done())


def seed_and_pull(fake: FakeResend, contacts: int, *, deep: bool = False) -> None:
    fake.dashboard.seed(contacts=contacts, segments=2, topics=1, properties=1)
    pull_all(deep=deep)


def edit_all() -> None:
    for number, contact in enumerate(Contact.objects.order_by("pk")):
        contact.first_name = f"Edited {number}"
        contact.save()


def test_a_deep_pull_reads_beside_each_other_and_stores_the_same(
    slow_fake: FakeResend, started: list[str]
) -> None:
    seed_and_pull(slow_fake, 120)
    started.clear()
    slow_fake.ledger.reset()

    report = pull_all(shallow=False)

    assert 2 <= len(started) <= 8
    assert differences(slow_fake) == []
    assert report.calls == report.planned_calls == slow_fake.ledger.total == 240
    assert report.counts["deep_read"] == 120


def test_a_push_sends_contacts_beside_each_other(slow_fake: FakeResend, started: list[str]) -> None:
    seed_and_pull(slow_fake, 120, deep=True)
    started.clear()
    edit_all()
    slow_fake.ledger.reset()

    report = push_outbox()

    assert 2 <= len(started) <= 8
    assert (report.done, report.retried, report.refused) == (120, 0, 0)
    assert report.calls == report.planned_calls == slow_fake.ledger.total == 120
    assert not OutboxEntry.objects.exists()
    assert differences(slow_fake) == []


@pytest.mark.parametrize("rate", [2, 5])
def test_at_the_usual_rates_no_thread_is_started(
    slow_fake: FakeResend,
    settings: Any,
    started: list[str],
    monkeypatch: pytest.MonkeyPatch,
    rate: int,
) -> None:
    monkeypatch.setattr("django_resend.sync.limiter.limiter.Limiter._sleep_until", _no_wait)
    settings.RESEND = {**settings.RESEND, "RATE_LIMIT": rate}
    seed_and_pull(slow_fake, 60)
    edit_all()

    pull_all(shallow=False)
    push_outbox()

    assert started == []
    assert differences(slow_fake) == []


def test_definitions_are_there_before_contacts_and_deletions_come_last(
    slow_fake: FakeResend, started: list[str]
) -> None:
    seed_and_pull(slow_fake, 60)
    gone = Contact.objects.order_by("pk").last()
    assert gone is not None
    old = Segment.objects.order_by("pk").first()
    assert old is not None
    edit_all()
    old.delete()
    new = Segment.objects.create(name="New")
    new.contacts.add(*Contact.objects.all()[:40])
    routes: list[str] = []
    record = slow_fake.ledger.record

    def noted(route: str, status: int, now: int) -> None:
        routes.append(route)
        record(route, status, now)

    slow_fake.ledger.record = noted  # type: ignore[method-assign]
    report = push_outbox()

    assert report.complete
    assert started
    assert routes[0] == "POST /segments"
    assert routes[-1] == "DELETE /segments/{id}"


def test_a_refused_key_stops_all_and_gives_everything_back(slow_fake: FakeResend) -> None:
    seed_and_pull(slow_fake, 120)
    edit_all()
    slow_fake.faults.add(status=401, times=99, route="PATCH /contacts/{id}")
    slow_fake.ledger.reset()

    with pytest.raises(errors.AccessRefused):
        push_outbox()

    assert slow_fake.ledger.total <= 8
    assert OutboxEntry.objects.filter(lease=None, attempts=0).count() == 120
    assert SyncRun.objects.filter(action="push").get().state == SyncRun.State.FAILED


def test_faults_in_a_row_end_a_push_of_many_at_once(slow_fake: FakeResend) -> None:
    seed_and_pull(slow_fake, 120)
    edit_all()
    slow_fake.faults.add(status=500, times=999, route="PATCH /contacts/{id}")
    slow_fake.ledger.reset()

    report = push_outbox()

    assert 5 <= slow_fake.ledger.total <= 5 + 16
    assert report.retried == slow_fake.ledger.total
    assert not OutboxEntry.objects.exclude(lease=None).exists()


def test_a_push_whose_time_is_over_gives_back_what_it_has_not_begun(
    slow_fake: FakeResend,
) -> None:
    seed_and_pull(slow_fake, 120, deep=True)
    edit_all()

    report = push_outbox(seconds=0.1)

    assert report.more
    assert 0 < report.done < 120
    assert OutboxEntry.objects.filter(lease=None).count() == 120 - report.done
    push_outbox()
    assert differences(slow_fake) == []


def test_a_row_that_is_refused_stops_no_other(slow_fake: FakeResend) -> None:
    seed_and_pull(slow_fake, 60)
    edit_all()
    body = {"statusCode": 422, "name": "validation_error", "message": "Not this one."}
    slow_fake.faults.add(status=422, body=body, route="PATCH /contacts/{id}", times=3)

    report = push_outbox()

    assert (report.done, report.refused) == (57, 3)


def test_a_deep_pull_that_is_cut_short_goes_on(slow_fake: FakeResend) -> None:
    seed_and_pull(slow_fake, 120)

    slices = 1
    while pull_all(shallow=False, seconds=0).more and slices < 50:
        slices += 1

    assert 1 < slices < 50
    assert differences(slow_fake) == []


def test_threads_leave_no_connection_to_the_database(
    slow_fake: FakeResend, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    close_all = connections.close_all

    def noted() -> None:
        closed.append(threading.current_thread().name)
        close_all()

    monkeypatch.setattr(connections, "close_all", noted)
    seed_and_pull(slow_fake, 60)

    pull_all(shallow=False)

    assert len(closed) >= 2
    assert {name.partition("_")[0] for name in closed} == {"django-resend"}


def test_the_next_page_is_asked_for_while_one_is_stored(
    slow_fake: FakeResend, started: list[str]
) -> None:
    slow_fake.dashboard.seed(contacts=350, segments=2)

    report = pull_all(deep=False)

    assert started
    assert differences(slow_fake) == []
    assert report.calls == slow_fake.ledger.total == 3 + 4 + 4


def test_no_page_is_asked_for_that_a_pull_cut_short_would_not_store(slow_fake: FakeResend) -> None:
    slow_fake.dashboard.seed(contacts=350)
    parts = 1
    while pull_all(deep=False, seconds=0).more:
        parts += 1

    assert parts > 3
    assert slow_fake.ledger.by_route["GET /contacts"] == 4
    assert differences(slow_fake) == []


def _no_wait(limiter: object, moment: int) -> bool:
    return False
