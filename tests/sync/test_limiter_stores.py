"""Where the budget is kept: what every store promises, and which one is used."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections

from django_resend.client import Reply
from django_resend.models import CallBudget
from django_resend.sync.limiter import Limiter, current_rate, read_usage
from django_resend.sync.limiter.cache import CacheStore
from django_resend.sync.limiter.database import DatabaseStore
from django_resend.sync.limiter.pace import State
from django_resend.sync.limiter.store import Store, StoreDown
from django_resend.sync.limiter.stores import CacheOrDatabase, open_store

from .stores import forget, keep_budget_in, redis_cache

NOBODY = "redis://127.0.0.1:9"


class StoreContract:
    """What any store must do; a subclass gives ``store``."""

    def test_at_first_nothing_is_known(self, store: Store) -> None:
        assert store.read() == State()

    def test_it_keeps_what_was_stored(self, store: Store) -> None:
        state = State(
            version=7,
            next_free_us=1_790_000_000_123_457,
            held_until_us=1_790_000_001_000_000,
            limit=0.1 + 0.2,
            share=1 / 3,
            slowed_us=1_790_000_000_000_001,
            day=20_717,
            day_calls=12_345,
            minute=29_833_333,
            minute_calls=570,
            minute_before_calls=569,
        )

        assert store.swap(State(), state) is None
        assert store.read() == state
        following = replace(state, version=8)
        assert store.swap(state, following) is None
        assert store.read() == following

    def test_a_swap_that_comes_second_tells_what_stands_and_changes_nothing(
        self, store: Store
    ) -> None:
        first, second = State(version=1, day_calls=1), State(version=1, day_calls=2)
        assert store.swap(State(), first) is None

        assert store.swap(State(), second) == first
        assert store.swap(State(), first) == first  # the same again is a second one all the same
        assert store.read() == first

    def test_its_clock_is_about_ours(self, store: Store) -> None:
        store.read()

        assert store.now() == pytest.approx(time.time(), abs=5)

    def test_threads_never_take_one_slot_twice(self, store: Store) -> None:
        slots: list[float] = []

        def call() -> None:
            limiter = Limiter(store=store, now=lambda: 1000.0, sleep=slots.append)
            for _ in range(10):
                limiter.wait()
            connections.close_all()

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(slots) == pytest.approx([n / 2 for n in range(1, 40)])


@pytest.mark.django_db(transaction=True)
class TestDatabaseStore(StoreContract):
    @pytest.fixture
    def store(self, settings: Any) -> Iterator[Store]:
        with keep_budget_in("database", settings):
            yield DatabaseStore("default")


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
class TestCacheStore(StoreContract):
    @pytest.fixture
    def store(self, settings: Any) -> Iterator[Store]:
        with keep_budget_in("cache", settings):
            yield CacheStore()

    def test_it_writes_nothing_to_the_database(self, store: Store) -> None:
        limiter = Limiter(sleep=lambda seconds: None)
        limiter.wait()
        limiter.learn(Reply(200, 10, 9, 1.0, None, None))

        assert current_rate() == pytest.approx(9.5)
        assert read_usage().calls_today == 1
        assert not CallBudget.objects.exists()


@pytest.mark.django_db
def test_a_cache_that_is_down_is_told_once_and_the_database_serves(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("redis")
    settings.RESEND = {"API_KEY": "re_test", "LIMITER": "cache"}
    settings.CACHES = redis_cache(NOBODY)
    slept: list[float] = []
    try:
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                limiter = Limiter(now=lambda: 1000.0, sleep=slept.append)
                limiter.wait()
                limiter.learn(Reply(200, 10, 9, 1.0, None, None))
        assert current_rate() == pytest.approx(9.5)
    finally:
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
        forget()

    assert [record.name for record in caplog.records] == ["django_resend.sync"]
    assert "is kept in the database" in caplog.text
    assert slept == pytest.approx([0.5, 0.5 + 1 / 9.5], abs=1e-4)


@pytest.mark.django_db
def test_an_outage_that_goes_on_is_told_no_second_time(
    settings: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("redis")
    settings.RESEND = {"API_KEY": "re_test", "LIMITER": "cache"}
    settings.CACHES = redis_cache(NOBODY)
    try:
        with caplog.at_level(logging.WARNING):
            for _outage in range(3):
                monkeypatch.setattr("django_resend.sync.limiter.stores._cache_down_until", 0.0)
                Limiter(sleep=lambda seconds: None).wait()
    finally:
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
        forget()

    assert len(caplog.records) == 1


class BreaksOff:
    """A cache that goes down after it was read."""

    def now(self) -> float:
        return time.time()

    def read(self) -> State:
        return State()

    def swap(self, known: State, following: State) -> State | None:
        raise StoreDown("gone")


@pytest.mark.django_db
def test_a_cache_that_goes_down_in_the_middle_of_a_call_lets_none_slip_through() -> None:
    try:
        store = CacheOrDatabase(BreaksOff(), DatabaseStore("default"))
        limiter = Limiter(store=store, sleep=lambda seconds: None)
        limiter.wait()
        limiter.wait()
        assert CallBudget.objects.get().day_calls == 2
    finally:
        forget()


@pytest.mark.redis
@pytest.mark.django_db
def test_a_cache_that_comes_back_serves_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with keep_budget_in("cache", settings):
        limiter = Limiter(sleep=lambda seconds: None)
        limiter.wait()
        monkeypatch.setattr(
            "django_resend.sync.limiter.stores._cache_down_until", time.monotonic() + 60
        )
        limiter.wait()
        limiter.wait()
        assert CallBudget.objects.get().day_calls == 2

        monkeypatch.setattr("django_resend.sync.limiter.stores._cache_down_until", 0.0)
        limiter.wait()

        assert CallBudget.objects.get().day_calls == 2
        assert open_store().read().day_calls == 2
