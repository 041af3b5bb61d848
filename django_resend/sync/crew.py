"""Calls under way at once, where one after the other would leave the budget unused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from math import ceil
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections

from ..client import Client
from ..conf import resend_settings
from .limiter import Limiter
from .locks import give_way

RESERVE = 1.5
"""More threads than the mean latency asks for, because some answers take longer."""

Result = TypeVar("Result")
Job = Callable[[], None]


class Crew:
    """Threads that work off jobs in the order they come, never more of them than pay.

    With a rate R (calls a second) and a latency L (seconds) one connection makes 1 / L calls a
    second; where that is R or more there is no thread, and a job is done at once by the caller.
    Each thread has a database connection of its own. Use it as a context manager: at the end jobs
    that nobody began are dropped, and those under way waited for.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True
        for _thread in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def size(self) -> int:
        """How many jobs are done at once; grows as rate and latency become known."""
        wanted = useful_calls_in_flight(self._client)
        while wanted > 1 and len(self._threads) < wanted:
            thread = threading.Thread(target=self._work, name="django-resend", daemon=True)
            thread.start()
            self._threads.append(thread)
        return max(1, len(self._threads))

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        """Have this done; the future holds what it returned or raised."""
        future: Future[Result] = Future()
        if self.size == 1:
            _fulfil(future, call)
        else:
            self._jobs.put(lambda: _fulfil(future, lambda: _giving_way(call)))
        return future

    def _work(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                if not self._closing:
                    job()
        finally:
            connections.close_all()


def _fulfil(future: Future[Result], call: Callable[[], Result]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)


def _giving_way(call: Callable[[], Result]) -> Result:
    give_way()
    return call()


def useful_calls_in_flight(client: Client) -> int:
    """1 unless a learned rate and a measured latency show that more would be used."""
    limiter = client.throttle
    if not isinstance(limiter, Limiter) or not threads_share_the_database():
        return 1
    busy = limiter.rate * client.latency
    return 1 if busy <= 1 else min(resend_settings.concurrency, ceil(busy * RESERVE))


def threads_share_the_database() -> bool:
    """Not where it is in memory, nor inside the transaction that a test case opens."""
    connection: Any = connections[DEFAULT_DB_ALIAS]
    in_memory = connection.vendor == "sqlite" and connection.is_in_memory_db()
    return not in_memory and not connection.in_atomic_block
