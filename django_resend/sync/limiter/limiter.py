"""The throttle of a client: waits for a slot, and learns from the replies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.db import DEFAULT_DB_ALIAS, connections

from ...client import Reply
from .pace import SECOND, UNLIMITED, State, hear, rate_at, reserve, whole_rate
from .pause import pause
from .store import Store
from .stores import open_store


class Limiter:
    """Keeps this process, with all others that share the store, within the team's rate.

    ``wait`` blocks until a call may be made; ``learn`` takes in what a reply says of the limit.
    Threads may share one. Raises ``RuntimeError`` inside an open transaction: a call there would
    hold locks for as long as the network likes.
    """

    def __init__(
        self,
        *,
        using: str = DEFAULT_DB_ALIAS,
        store: Store | None = None,
        now: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._using = using
        self._store = store or open_store(using)
        self._clock = now or self._store.now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._known: State | None = None

    @property
    def rate(self) -> float:
        """Calls a second that the mirror allows itself now, as far as this process knows."""
        return rate_at(self._known or State(), self._now())

    def wait(self) -> None:
        forbid_open_transaction(self._using)
        while True:
            slot, held_until = self._reserve()
            if not self._sleep_until(slot) or not self._is_void(held_until):
                return

    def learn(self, reply: Reply) -> None:
        if reply.status == 429 and reply.is_quota:
            pause(reply, self._clock())
        with self._lock:
            state = self._known or self._read()
            while (heard := hear(state, reply, self._now())) is not state:
                standing = self._store.swap(state, heard)
                self._known = state = standing or heard
                if standing is None:
                    return

    def _reserve(self) -> tuple[int, int]:
        """A slot, and up to when all were held back as it was taken."""
        with self._lock:
            state = self._known or self._read()
            while whole_rate(state) < UNLIMITED:
                slot, following = reserve(state, self._now())
                held_until = state.held_until_us
                standing = self._store.swap(state, following)
                self._known = state = standing or following
                if standing is None:
                    return slot, held_until
            return state.held_until_us, state.held_until_us

    def _sleep_until(self, moment: int) -> bool:
        """Whether there was anything to wait for."""
        wait = moment - self._now()
        if wait > 0:
            self._sleep(wait / SECOND)
        return wait > 0

    def _is_void(self, held_until: int) -> bool:
        """Whether a Retry-After came to any process while this one waited for its slot."""
        with self._lock:
            return self._read().held_until_us != held_until

    def _now(self) -> int:
        return int(self._clock() * SECOND)

    def _read(self) -> State:
        self._known = self._store.read()
        return self._known


def forbid_open_transaction(using: str) -> None:
    """Raise ``RuntimeError`` inside a transaction; the one a test case opens doesn't count."""
    blocks = connections[using].atomic_blocks
    if any(not getattr(block, "_from_testcase", False) for block in blocks):
        raise RuntimeError("A call to Resend was about to be made inside a database transaction.")
