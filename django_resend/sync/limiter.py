"""One call budget for all processes of the site: a reservation in one database row.

Each caller takes the next free slot by compare-and-swap and sleeps until it has come, so that
whoever asks first calls first and nobody polls. The rate is learned from the replies.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet
from django.utils import timezone

from ..client import Reply
from ..conf import resend_settings
from ..models import CallBudget

TEAM = "team"
"""One site mirrors one team, so there is one row."""

FIRST_RATE = 2.0
"""Calls a second until a reply tells the true limit (the lowest default Resend has had)."""

UNLIMITED = 1000.0
"""From this rate on, in calls a second, no slots are reserved: calls can't come that fast."""

MICROSECONDS = 1_000_000


class Limiter:
    """Keeps this process, with all others that share the database, within the team's rate.

    ``wait`` blocks until a call may be made; ``learn`` takes in what a reply says of the limit.
    Raises ``RuntimeError`` inside an open transaction: a call there would hold locks for as long
    as the network likes.
    """

    def __init__(
        self,
        *,
        using: str = DEFAULT_DB_ALIAS,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._using = using
        self._now = now
        self._sleep = sleep
        self._fixed = resend_settings.rate_limit
        self._headroom = resend_settings.headroom
        self._next_free: int | None = None
        self._learned: float | None = None

    @property
    def rate(self) -> float:
        """Calls a second that the mirror allows itself now."""
        if self._fixed is not None:
            return self._fixed or UNLIMITED
        return self._learned or FIRST_RATE

    def wait(self) -> None:
        forbid_open_transaction(self._using)
        if self._next_free is None:
            self._read()
        if self.rate >= UNLIMITED:
            self._sleep_until(self._next_free or 0)
            return
        while True:
            now = int(self._now() * MICROSECONDS)
            known = self._next_free or 0
            slot = max(now, known)
            following = slot + int(MICROSECONDS / self.rate)
            if self._swap(known, following):
                break
            self._read()
        self._sleep_until(slot)

    def learn(self, reply: Reply) -> None:
        if reply.status == 429 and "quota" not in (reply.name or ""):
            self.push_back(reply.retry_after or 1.0)
        if reply.limit and self._fixed is None:
            allowed = reply.limit * (1 - self._headroom)
            if allowed != self._learned:
                self._learned = allowed
                self._row().update(rate=allowed, learned_at=timezone.now())

    def push_back(self, seconds: float) -> None:
        """Let nobody call before this many seconds have passed."""
        target = int((self._now() + seconds) * MICROSECONDS)
        self._row().filter(next_free_us__lt=target).update(next_free_us=target)
        self._read()

    def _sleep_until(self, moment: int) -> None:
        wait = moment - int(self._now() * MICROSECONDS)
        if wait > 0:
            self._sleep(wait / MICROSECONDS)

    def _swap(self, known: int, following: int) -> bool:
        if not self._row().filter(next_free_us=known).update(next_free_us=following):
            return False
        self._next_free = following
        return True

    def _read(self) -> None:
        row = self._row().first()
        if row is None:
            CallBudget.objects.using(self._using).bulk_create(
                [CallBudget(team=TEAM)], ignore_conflicts=True
            )
            row = self._row().get()
        self._next_free = row.next_free_us
        self._learned = row.rate

    def _row(self) -> QuerySet[CallBudget]:
        return CallBudget.objects.using(self._using).filter(team=TEAM)


def ensure_team() -> None:
    """Create the team's row if need be. Outside a transaction: MariaDB would deadlock in one."""
    CallBudget.objects.bulk_create([CallBudget(team=TEAM)], ignore_conflicts=True)


def lock_team() -> None:
    """Let one transaction at a time pass, on every database: a write to the team's one row.

    See ``ensure_team`` for that row.
    """
    CallBudget.objects.filter(team=TEAM).update(team=TEAM)


def current_rate() -> float:
    """Calls a second that the mirror allows itself, by the settings or as last learned."""
    fixed = resend_settings.rate_limit
    if fixed is not None:
        return fixed or UNLIMITED
    learned = CallBudget.objects.filter(team=TEAM).values_list("rate", flat=True).first()
    return learned or FIRST_RATE


def forbid_open_transaction(using: str) -> None:
    """Raise ``RuntimeError`` inside a transaction; the one a test case opens doesn't count."""
    blocks = connections[using].atomic_blocks
    if any(not getattr(block, "_from_testcase", False) for block in blocks):
        raise RuntimeError("A call to Resend was about to be made inside a database transaction.")
