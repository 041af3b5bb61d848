"""Where pages come faster than they are stored, several are stored together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from django_resend.client import errors
from django_resend.models import Contact
from django_resend.sync.pull import pull_all
from django_resend.sync.reading import GATHERED_PAGES, gather, read_ahead
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Throttle, Watcher, client_of

pytestmark = pytest.mark.django_db

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here they are not, however slow the machine."""
    monkeypatch.setattr("django_resend.sync.reading.GATHERING_SECONDS", 60)


class Killed(BaseException):
    """No code of the engine can catch it and go on."""


def pages(seconds: float, number: int) -> list[tuple[datetime, int]]:
    """So many pages, each asked for these seconds after the one before."""
    return [(BEGUN + n * timedelta(seconds=seconds), n) for n in range(number)]


def gathered(
    seconds: float, number: int, *, late: bool = False
) -> list[tuple[datetime, list[int]]]:
    clock = count(0, seconds)
    return list(gather(iter(pages(seconds, number)), late=lambda: late, clock=lambda: next(clock)))


def test_slow_pages_are_stored_one_by_one() -> None:
    assert [group for _, group in gathered(61, 3)] == [[0], [1], [2]]


def test_fast_pages_are_stored_together_with_the_moment_of_the_first() -> None:
    groups = gathered(0.001, 2 * GATHERED_PAGES + 1)

    assert [len(group) for _, group in groups] == [GATHERED_PAGES, GATHERED_PAGES, 1]
    step = timedelta(seconds=0.001) * GATHERED_PAGES
    assert [began for began, _ in groups] == [BEGUN + n * step for n in range(3)]


def test_nothing_more_is_waited_for_when_the_time_is_over() -> None:
    assert [group for _, group in gathered(0.001, 2, late=True)] == [[0], [1]]


def test_a_long_list_is_stored_in_few_transactions(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=2000, segments=1)
    groups: Counter[str] = Counter()

    pull_all(deep=False, progress=Watcher(lambda stage, page: groups.update([stage])))

    assert differences(resend_fake, deep=False) == []
    # 20 pages of contacts and 20 of members.
    assert (groups["contacts"], groups["memberships"]) == (4, 4)


def test_what_was_read_before_the_network_was_lost_is_stored(
    resend_fake: FakeResend, pauses: list[float]
) -> None:
    resend_fake.dashboard.seed(contacts=250)

    def lose() -> None:
        resend_fake.faults.add("drop", times=5)

    with client_of(resend_fake, Throttle(6, lose)) as client, pytest.raises(errors.AnswerLost):
        pull_all(deep=False, client=client)

    assert Contact.objects.count() == 200


@pytest.mark.parametrize("call", range(4, 11))
def test_a_killed_pull_asks_again_for_what_it_had_not_stored(
    resend_fake: FakeResend, call: int
) -> None:
    resend_fake.dashboard.seed(contacts=250, segments=2)

    def stop() -> None:
        raise Killed

    with client_of(resend_fake, Throttle(call, stop)) as client, pytest.raises(Killed):
        pull_all(deep=False, client=client)
    pull_all(deep=False)

    assert differences(resend_fake, deep=False) == []


def test_more_pages_are_asked_for_while_one_is_stored_but_not_when_it_is_late(
    resend_fake: FakeResend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_resend.sync.reading.useful_calls_in_flight", lambda client: 2)
    for late, ahead in ((False, GATHERED_PAGES), (True, 0)):
        asked: list[int] = []
        full = threading.Event()

        def ask(asked: list[int] = asked, full: threading.Event = full) -> Iterator[int]:
            for number in range(20):
                asked.append(number)
                if number == GATHERED_PAGES:
                    full.set()
                yield number

        with client_of(resend_fake) as client:
            read = read_ahead(client, ask(), late=lambda late=late: late)  # type: ignore[misc]
            next(read)
            if not late:
                assert full.wait(30)
            assert len(asked) == 1 + ahead
            read.close()
        assert len(asked) == 1 + ahead
