"""One call budget for all: learned, shared, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_resend.client import Reply
from django_resend.models import CallBudget
from django_resend.sync.limiter import Limiter, current_rate, read_usage

from .stores import forget, keep_budget_in

pytestmark = pytest.mark.django_db

NOON = 1_790_000_000.0
EVENING = datetime(2026, 3, 4, 23, 1, tzinfo=UTC).timestamp()


@dataclass
class Time:
    """A clock that only sleeping moves."""

    now: float = NOON
    calls: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def limiter(self) -> Limiter:
        return Limiter(now=lambda: self.now, sleep=self.sleep)

    def call(self, limiter: Limiter, times: int = 1) -> None:
        for _ in range(times):
            limiter.wait()
            self.calls.append(self.now - NOON)


def reply(
    status: int = 200,
    limit: int | None = None,
    retry_after: float | None = None,
    name: str | None = None,
    **more: Any,
) -> Reply:
    told: dict[str, Any] = {"remaining": None, "reset": None, **more}
    return Reply(status=status, limit=limit, retry_after=retry_after, name=name, **told)


@pytest.fixture(params=["database", pytest.param("cache", marks=pytest.mark.redis)])
def clock(request: pytest.FixtureRequest, settings: Any) -> Iterator[Time]:
    with keep_budget_in(request.param, settings):
        yield Time()


def with_settings(settings: Any, **values: object) -> None:
    settings.RESEND = {**settings.RESEND, **values}


def test_it_starts_with_two_calls_a_second(clock: Time) -> None:
    clock.call(clock.limiter(), 5)

    assert clock.calls == pytest.approx([0, 0.5, 1.0, 1.5, 2.0])
    assert current_rate() == 2.0


def test_it_learns_the_limit_from_a_reply_and_leaves_headroom(clock: Time) -> None:
    limiter = clock.limiter()
    clock.call(limiter)
    limiter.learn(reply(limit=10))

    clock.call(limiter, 3)

    assert limiter.rate == current_rate() == pytest.approx(9.5)
    assert clock.calls == pytest.approx([0, 0.5, 0.5 + 1 / 9.5, 0.5 + 2 / 9.5], abs=1e-4)


def test_it_follows_a_limit_that_falls(clock: Time) -> None:
    limiter = clock.limiter()
    limiter.wait()
    limiter.learn(reply(limit=100))
    limiter.learn(reply(limit=4))

    assert limiter.rate == pytest.approx(3.8)


def test_what_one_learned_all_know(clock: Time) -> None:
    first = clock.limiter()
    first.wait()
    first.learn(reply(limit=100))

    second = clock.limiter()
    second.wait()

    assert second.rate == pytest.approx(95)


def test_a_process_that_runs_already_hears_of_a_lower_limit(clock: Time) -> None:
    first, second = clock.limiter(), clock.limiter()
    clock.call(first)
    first.learn(reply(limit=100))
    clock.call(second)
    second.learn(reply(limit=100))
    first.learn(reply(limit=2))
    clock.call(first)
    clock.call(second)  # finds its slot taken, and so reads what the first learned

    assert second.rate == pytest.approx(1.9)


def test_the_headroom_is_a_setting(clock: Time, settings: Any) -> None:
    with_settings(settings, HEADROOM=0.5)
    limiter = clock.limiter()
    limiter.wait()
    limiter.learn(reply(limit=10))

    assert limiter.rate == pytest.approx(5)


def test_a_limit_in_the_settings_is_kept_whatever_a_reply_says(clock: Time, settings: Any) -> None:
    with_settings(settings, RATE_LIMIT=4)
    limiter = clock.limiter()
    clock.call(limiter)
    limiter.learn(reply(limit=100))
    clock.call(limiter, 2)

    assert clock.calls == pytest.approx([0, 0.25, 0.5])
    assert current_rate() == 4


def test_without_a_limit_nobody_waits(clock: Time, settings: Any) -> None:
    with_settings(settings, RATE_LIMIT=0)
    clock.call(clock.limiter(), 1000)

    assert set(clock.calls) == {0}


@pytest.mark.parametrize(("retry_after", "pause"), [(3.0, 3.0), (None, 1.0)])
def test_a_429_holds_everybody_back(clock: Time, retry_after: float | None, pause: float) -> None:
    first, second = clock.limiter(), clock.limiter()
    clock.call(first)
    clock.call(second)
    first.learn(reply(429, retry_after=retry_after, name="rate_limit_exceeded"))
    refused_at = clock.now - NOON

    clock.call(second)
    clock.call(first)

    assert clock.calls[2] == pytest.approx(refused_at + pause)
    assert clock.calls[3] == pytest.approx(refused_at + pause + 1.0)  # at half the rate


@pytest.mark.parametrize("rate", [0, None])
def test_a_429_holds_back_also_where_no_limit_is_known(
    clock: Time, settings: Any, rate: int | None
) -> None:
    with_settings(settings, RATE_LIMIT=rate)
    limiter = clock.limiter()
    clock.call(limiter)
    limiter.learn(reply(limit=1_000_000))
    limiter.learn(reply(429, retry_after=2.0))
    clock.call(limiter)

    assert clock.calls == pytest.approx([0, 2.0])


def test_a_quota_error_is_no_reason_to_slow_down(clock: Time) -> None:
    limiter = clock.limiter()
    clock.call(limiter)
    limiter.learn(reply(429, retry_after=60.0, name="daily_quota_exceeded"))
    clock.call(limiter)

    assert clock.calls == pytest.approx([0, 0.5])


def test_time_that_nobody_used_is_not_saved_up(clock: Time) -> None:
    limiter = clock.limiter()
    clock.call(limiter)
    clock.now += 60
    clock.call(limiter, 3)

    assert clock.calls[1:] == pytest.approx([60, 60.5, 61])


def test_no_call_inside_a_transaction(clock: Time) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a database transaction"):
        clock.limiter().wait()

    assert not CallBudget.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_call_inside_the_outermost_transaction_either(clock: Time) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        clock.limiter().wait()


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turns=st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 0.7), st.sampled_from(["", "", "", "429"])),
        min_size=1,
        max_size=40,
    ),
    rate=st.integers(1, 20),
)
def test_however_the_processes_take_turns_calls_keep_their_distance(
    clock: Time, settings: Any, turns: list[tuple[int, float, str]], rate: int
) -> None:
    with_settings(settings, RATE_LIMIT=rate)
    forget()
    clock = Time()
    limiters = [clock.limiter() for _ in range(4)]
    held_until = 0.0
    for turn, idle, outcome in turns:
        clock.now += idle
        clock.call(limiters[turn])
        assert clock.calls[-1] >= held_until - 1e-4
        if outcome:
            limiters[turn].learn(reply(429, retry_after=1.5))
            held_until = clock.now - NOON + 1.5

    for one, next_one in zip(clock.calls, clock.calls[1:], strict=False):
        assert next_one - one >= 1 / rate - 1e-4


def test_calls_are_counted_by_the_minute_and_by_the_day(clock: Time, settings: Any) -> None:
    with_settings(settings, RATE_LIMIT=2)
    clock.now = EVENING
    clock.call(clock.limiter(), 60)

    def counted(seconds: float) -> tuple[int, int]:
        usage = read_usage(EVENING + seconds)
        return usage.calls_last_minute, usage.calls_today

    assert counted(30) == (60, 60)
    assert counted(60 + 45) == (15, 60)  # a quarter of the minute before is within the last 60 s
    assert counted(180) == (0, 60)
    assert counted(3600) == (0, 0)
    assert read_usage(EVENING + 30).used == pytest.approx(0.5)


def test_the_usage_tells_limit_headroom_and_share(clock: Time, settings: Any) -> None:
    with_settings(settings, HEADROOM=0.2)
    limiter = clock.limiter()
    clock.call(limiter)
    limiter.learn(reply(limit=10))
    usage = read_usage(clock.now)

    assert (usage.limit, usage.kept_free, usage.rate) == (10.0, 2.0, 8.0)
    assert not usage.slowed
    limiter.learn(reply(429, limit=10))
    usage = read_usage(clock.now)
    assert usage.rate == pytest.approx(4.0)
    assert usage.slowed


def test_before_any_reply_the_limit_is_unknown(clock: Time) -> None:
    usage = read_usage()

    assert (usage.limit, usage.kept_free, usage.rate) == (None, 0.0, 2.0)
    assert usage.paused_until is None


def test_a_limit_over_a_longer_window_is_spread_over_it(clock: Time) -> None:
    limiter = clock.limiter()
    clock.call(limiter)
    limiter.learn(reply(limit=100, window=20.0))

    assert limiter.rate == pytest.approx(4.75)


def test_a_429_halves_the_rate_and_it_comes_back_slowly(clock: Time) -> None:
    limiter = clock.limiter()
    clock.call(limiter)
    limiter.learn(reply(limit=10))
    for _ in range(4):  # all from calls under way at once: one sign, not four
        limiter.learn(reply(429, limit=10, retry_after=1.0))
    refused_at = clock.now
    assert limiter.rate == pytest.approx(4.75)

    clock.now = refused_at + 5
    assert limiter.rate == pytest.approx(4.75)
    clock.now = refused_at + 15
    assert limiter.rate == pytest.approx(4.75 + 10 * 0.02 * 9.5)
    clock.now = refused_at + 60
    assert limiter.rate == pytest.approx(9.5)


def test_the_rate_never_falls_to_nothing(clock: Time) -> None:
    limiter = clock.limiter()
    for _ in range(30):
        clock.call(limiter)
        limiter.learn(reply(429, limit=10, retry_after=1.0))
        clock.now += 1.1

    assert limiter.rate == pytest.approx(0.2 * 9.5)


def test_whoever_waits_for_a_slot_is_held_back_too(clock: Time, settings: Any) -> None:
    with_settings(settings, RATE_LIMIT=1)
    first, second = clock.limiter(), clock.limiter()
    clock.call(first)
    sleep = second._sleep

    def refused_meanwhile(seconds: float) -> None:
        second._sleep = sleep
        first.learn(reply(429, retry_after=3.0))
        sleep(seconds)

    second._sleep = refused_meanwhile
    clock.call(second)

    assert clock.calls == pytest.approx([0, 3.0])


def test_a_clock_that_was_an_hour_ahead_stops_nobody(clock: Time) -> None:
    astray = clock.limiter()
    clock.now += 3600
    clock.call(astray)
    clock.now -= 3600
    clock.calls.clear()

    clock.call(clock.limiter(), 2)

    assert clock.calls == pytest.approx([0, 0.5])
