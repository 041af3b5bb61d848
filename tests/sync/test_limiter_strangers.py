"""Something else spends of the team's limit: the mirror gives way, and comes back."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_resend.client import Reply
from django_resend.sync.limiter.pace import SECOND, State, hear, rate_at, reserve
from django_resend.testing.limiter import Limiter as Limit

NOON = 1_790_000_000 * SECOND
PROCESSES = 8


class Scene:
    """Eight busy processes and a stranger on one limit, in time that only events move."""

    def __init__(self, limit: int, window: str, latency: float = 0.004) -> None:
        self.limit = limit
        self.state = State(limit=float(limit))
        self.now = NOON
        self.calls = self.refused = self.strangers_calls = self.strangers_refused = 0
        self._latency = int(latency * SECOND / 2)
        self._server = Limit(limit, window)
        self._order = count()
        self._events: list[Any] = []
        for _ in range(PROCESSES):
            self._at(NOON, self._ask)

    def stranger(self, rate: float, seconds: float, phase: float = 0.0) -> None:
        for number in range(int(seconds * rate)):
            self._at(self.now + int((number + phase) / rate * SECOND), self._intrude)

    def run(self, seconds: float) -> None:
        end = self.now + int(seconds * SECOND)
        while self._events and self._events[0][0] <= end:
            self.now, _, act, arguments = heapq.heappop(self._events)
            act(*arguments)
        self.now = end

    @property
    def rate(self) -> float:
        return rate_at(self.state, self.now)

    def _at(self, moment: int, act: Any, *arguments: Any) -> None:
        heapq.heappush(self._events, (moment, next(self._order), act, arguments))

    def _intrude(self) -> None:
        admitted = self._server.admit(self.now)
        self.strangers_calls += 1
        self.strangers_refused += not admitted

    def _ask(self) -> None:
        held_until = self.state.held_until_us
        slot, self.state = reserve(self.state, self.now)
        self._at(slot, self._call, held_until)

    def _call(self, held_until: int) -> None:
        if self.state.held_until_us != held_until:
            self._ask()
            return
        self._at(self.now + self._latency, self._serve)

    def _serve(self) -> None:
        admitted = self._server.admit(self.now)
        self.calls += admitted
        self.refused += not admitted
        left = int(self._server.headers(self.now)["ratelimit-remaining"])
        wait, name = (None, None) if admitted else (1.0, "rate_limit_exceeded")
        reply = Reply(200 if admitted else 429, self.limit, left, 1.0, wait, name)
        self._at(self.now + self._latency, self._hear, reply)

    def _hear(self, reply: Reply) -> None:
        self.state = hear(self.state, reply, self.now)
        self._ask()


@pytest.fixture(autouse=True)
def learned(settings: Any) -> None:
    settings.RESEND = {"API_KEY": "re_test"}


@pytest.mark.parametrize("window", ["fixed", "sliding"])
@pytest.mark.parametrize("limit", [2, 5, 10, 20, 100])
def test_alone_it_uses_all_but_the_headroom_and_is_never_refused(limit: int, window: str) -> None:
    scene = Scene(limit, window)
    scene.run(60)

    assert scene.refused == 0
    assert scene.calls >= 0.94 * limit * 60


@pytest.mark.parametrize("window", ["fixed", "sliding"])
@pytest.mark.parametrize("limit", [2, 5, 10, 20, 100])
@pytest.mark.parametrize("phase", [0.1, 0.6])
def test_a_stranger_that_takes_half_costs_less_than_five_refusals_in_half_a_minute(
    limit: int, window: str, phase: float
) -> None:
    scene = Scene(limit, window)
    scene.stranger(limit / 2, seconds=30, phase=phase)
    scene.run(30)

    assert scene.refused < 5
    assert scene.calls + scene.strangers_calls - scene.strangers_refused >= 0.7 * limit * 30


@pytest.mark.parametrize("limit", [2, 10, 100])
def test_when_the_stranger_leaves_the_whole_rate_comes_back(limit: int) -> None:
    scene = Scene(limit, "fixed")
    whole = scene.rate
    scene.stranger(limit / 2, seconds=20)
    scene.run(20)
    assert scene.rate < 0.75 * whole

    scene.run(60)

    assert scene.rate == pytest.approx(whole)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.sampled_from([2, 5, 10, 50]),
    window=st.sampled_from(["fixed", "sliding"]),
    visits=st.lists(
        st.tuples(st.floats(0.1, 1.5), st.floats(1, 20), st.floats(0, 0.99)), max_size=4
    ),
    latency=st.floats(0.001, 0.3),
)
def test_whatever_strangers_do_it_neither_stops_nor_pushes_on(
    limit: int, window: str, visits: list[tuple[float, float, float]], latency: float
) -> None:
    scene = Scene(limit, window, latency)
    for share, seconds, phase in visits:
        scene.stranger(share * limit, seconds, phase)
        scene.run(seconds)
    scene.run(2)
    refused, calls = scene.refused, scene.calls
    scene.run(120)

    assert scene.refused == refused
    assert scene.rate == pytest.approx(0.95 * limit)
    assert scene.calls - calls >= 0.4 * 120 * limit
