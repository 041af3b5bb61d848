"""A run's record: who runs, how far it came, and what a killed one left to do."""

from __future__ import annotations

import os
import socket
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from ..client import Client
from ..models import SyncRun
from ..models.jobs import Job
from .errors import AlreadyRunning
from .limiter import ensure_team, lock_team

SILENCE = timedelta(minutes=2)
"""A run on another machine that gave no sign of life for so long is taken for dead."""

RESUMABLE = timedelta(hours=6)
"""An older sweep would prove nothing any more; it is begun anew."""

KILLED = "The process ended before the run did."

_incarnation = uuid.uuid4().hex[:8]


def read_host() -> str:
    """This machine and its namespace of process numbers: containers may share a name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        namespace = "".join(filter(str.isdigit, os.readlink("/proc/self/ns/pid")))
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}/{boot}/{namespace}"


HOST = read_host()


class Run:
    """The record of one running pull or push; use ``begin`` to get one.

    ``cursor`` is what a resumed run starts from, empty on a fresh one.
    """

    def __init__(self, record: SyncRun, client: Client) -> None:
        self._record = record
        self._client = client
        self._earlier_calls = record.calls
        self.counts: Counter[str] = Counter(record.counts)
        self.started_at = record.started_at
        self.resumed = bool(record.cursor)

    @property
    def pk(self) -> int:
        return self._record.pk

    @property
    def stage(self) -> str:
        return self._record.stage

    @property
    def cursor(self) -> dict[str, Any]:
        cursor: dict[str, Any] = self._record.cursor
        return cursor

    @property
    def planned_calls(self) -> int | None:
        return self._record.planned_calls

    @property
    def seconds(self) -> float:
        """Since the run began, pauses included."""
        return ((self._record.finished_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def calls(self) -> int:
        return self._earlier_calls + self._client.calls

    def plan(self, calls: int) -> None:
        """Keep how many calls were planned."""
        self._record.planned_calls = calls
        self._record.save(update_fields=["planned_calls"])

    def checkpoint(self, stage: str, cursor: dict[str, Any]) -> None:
        """Store how far the run came.

        Call it first in the transaction that writes the page: on SQLite a transaction that
        begins with a write waits its turn, one that begins with a read may fail as locked.
        """
        self._record.stage = stage
        self._record.cursor = cursor
        self._store()

    def note_sweep(self, newest: datetime | None, contacts: int) -> None:
        """The whole list of contacts was walked; stored with the next checkpoint."""
        self._record.swept_to = newest
        self._record.swept_contacts = contacts

    def finish(self, state: SyncRun.State, message: str = "") -> None:
        self._record.state = state
        self._record.message = message
        self._record.finished_at = timezone.now()
        if state not in (SyncRun.State.FAILED, SyncRun.State.PAUSED):
            self._record.cursor = {}
        self._store("state", "message", "finished_at")

    def _store(self, *more: str) -> None:
        self._record.counts = dict(self.counts)
        self._record.calls = self.calls
        self._record.heartbeat_at = timezone.now()
        self._record.save(
            update_fields=[
                "stage",
                "cursor",
                "counts",
                "calls",
                "heartbeat_at",
                "swept_to",
                "swept_contacts",
                *more,
            ]
        )


def open_run(action: SyncRun.Action, client: Client, *, planned_calls: int) -> Run:
    """Open a run that may go on beside others."""
    record = SyncRun.objects.create(action=action, owner=me(), planned_calls=planned_calls)
    return Run(record, client)


def begin(action: SyncRun.Action, client: Client, *, scope: str) -> Run:
    """Open a run over these stages (joined by "+"), of which no other may be under way.

    Takes up the latest run of the same scope if it was killed, failed or paused. Raises
    ``AlreadyRunning``.
    """
    ensure_team()
    with transaction.atomic():
        lock_team()
        for run in SyncRun.objects.filter(action=action, state=SyncRun.State.RUNNING):
            if is_alive(run):
                if _stages(run.scope) & _stages(scope):
                    raise AlreadyRunning(
                        f"A {action} is running already (process {run.owner}, last sign of life "
                        f"{timezone.localtime(run.heartbeat_at):%H:%M:%S}). Wait for it to end."
                    )
                continue
            run.state = SyncRun.State.FAILED
            run.message = run.message or KILLED
            run.save(update_fields=["state", "message"])
        last = SyncRun.objects.filter(action=action, scope=scope).first()
        if last is not None and _can_resume(last):
            last.state = SyncRun.State.RUNNING
            last.owner = me()
            last.message = ""
            last.finished_at = None
            last.heartbeat_at = timezone.now()
            last.save()
            return Run(last, client)
        record = SyncRun.objects.create(action=action, scope=scope, owner=me())
        return Run(record, client)


def _stages(scope: str) -> set[str]:
    return set(scope.split("+"))


def is_alive(record: SyncRun | Job) -> bool:
    """Whether the process of a running record still is: known on this host, guessed for others."""
    if _is_known_dead(record):
        return False
    host, pid, _ = _process(record)
    if host != HOST:
        return timezone.now() - record.heartbeat_at < SILENCE
    # Another process may have got the number of a dead one.
    return pid == os.getpid() or timezone.now() - record.heartbeat_at < 10 * SILENCE


def ended(pks: Iterable[int]) -> list[int]:
    """Those of these runs that are known to be over, also those whose process was killed."""
    runs = SyncRun.objects.filter(pk__in=list(pks))
    over = [run for run in runs if run.state != SyncRun.State.RUNNING or _is_known_dead(run)]
    SyncRun.objects.filter(pk__in=[run.pk for run in over], state=SyncRun.State.RUNNING).update(
        state=SyncRun.State.FAILED, message=KILLED
    )
    return [run.pk for run in over]


def _is_known_dead(record: SyncRun | Job) -> bool:
    host, pid, incarnation = _process(record)
    if host != HOST:
        return False
    if pid == os.getpid():
        return incarnation != _incarnation
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _process(record: SyncRun | Job) -> tuple[str, int, str]:
    host, pid, incarnation = (*record.owner.split(":"), "", "")[:3]
    return host, int(pid or 0), incarnation


def _can_resume(record: SyncRun) -> bool:
    unfinished = record.state in (SyncRun.State.FAILED, SyncRun.State.PAUSED)
    is_young = timezone.now() - record.started_at < RESUMABLE
    return unfinished and is_young and bool(record.cursor)


def me() -> str:
    """This process, as ``owner`` of what it works on."""
    return f"{HOST}:{os.getpid()}:{_incarnation}"
