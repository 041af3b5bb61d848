"""Drain the outbox: definitions first, what goes together by imports, the rest entry by entry."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

from django.db.models import QuerySet

from ...client import Client, errors
from ...conf import resend_settings
from ...models import Kind, OutboxEntry, SyncRun
from ...models.outbox import RANKS
from ..calls import open_client
from ..errors import NotConfigured
from ..limiter import current_rate
from ..locks import giving_way
from ..progress import Progress, Silent
from ..runs import Run, open_run
from .bulk import Bulk, left_open
from .claims import due, is_any_free, release_abandoned
from .drain import Drain
from .plan import plan_push

logger = logging.getLogger("django_resend.sync")


@dataclass
class PushReport:
    """What a push did, in outbox entries; ``more`` says that due entries are left.

    ``look_again``: where CSV imports are still under way at Resend, in how many seconds another
    push should look after them. ``notes``: what a person should know, in a sentence each.
    """

    done: int = 0
    refused: int = 0
    retried: int = 0
    more: bool = False
    look_again: float | None = None
    notes: list[str] = field(default_factory=list)
    calls: int = 0
    planned_calls: int | None = None
    seconds: float = 0.0
    calls_by_route: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        left = self.more or self.look_again is not None
        return not self.refused and not self.retried and not left

    def count(self, outcome: str) -> None:
        if outcome == "done":
            self.done += 1
        elif outcome == "refused":
            self.refused += 1
        elif outcome in ("waiting", "faulty"):
            self.retried += 1


def push_outbox(
    *,
    seconds: float | None = None,
    only: QuerySet[OutboxEntry] | None = None,
    progress: Progress | None = None,
    client: Client | None = None,
) -> PushReport:
    """Push the due outbox entries, all of them or ``only`` some, for at most so many seconds.

    Raises ``NotConfigured``, and the client's errors where no call can succeed (the key, the
    quota, the network): then every entry waits as before.
    """
    if not resend_settings.may_push:
        raise NotConfigured("RESEND['DIRECTION'] is 'pull': this site doesn't push.")
    release_abandoned()
    if not due(only).exists() and not left_open():
        return PushReport()
    own = client or open_client()
    try:
        return _run(own, seconds, only, progress or Silent())
    finally:
        if client is None:
            own.close()


def _run(
    client: Client,
    seconds: float | None,
    only: QuerySet[OutboxEntry] | None,
    progress: Progress,
) -> PushReport:
    # No more than the time allows: a long outbox isn't planned anew for each of many slices.
    rows = None if seconds is None else ceil(seconds * current_rate())
    run = open_run(SyncRun.Action.PUSH, client, planned_calls=plan_push(only, rows).calls)
    report = PushReport(planned_calls=run.planned_calls)
    try:
        with giving_way():
            _push(client, run, report, seconds, only, progress)
    except BaseException as error:
        message = str(error) if isinstance(error, errors.ResendError) else type(error).__name__
        run.finish(SyncRun.State.FAILED, message)
        raise
    report.calls = client.calls
    report.calls_by_route = dict(client.ledger)
    report.more = is_any_free(only)
    state = SyncRun.State.PARTIAL if report.refused or report.retried else SyncRun.State.DONE
    run.finish(state, " ".join(report.notes))
    report.seconds = run.seconds
    return report


def _push(
    client: Client,
    run: Run,
    report: PushReport,
    seconds: float | None,
    only: QuerySet[OutboxEntry] | None,
    progress: Progress,
) -> None:
    """Definitions, then imports; what these don't carry, and what they leave, by single calls."""
    deadline = None if seconds is None else time.monotonic() + seconds

    def told(outcome: str) -> None:
        run.counts[outcome] += 1
        report.count(outcome)
        progress.advance(1)

    def drain(entries: QuerySet[OutboxEntry] | None) -> bool:
        count = due(entries).count()
        if not count:
            return True
        progress.stage("pushing", count)
        return Drain(client, run, entries, deadline, told).drain()

    bulk = Bulk(client, run, progress, only, may_wait=seconds is None)
    if bulk.has_work():
        entries = OutboxEntry.objects.all() if only is None else only
        if not drain(entries.filter(rank__lt=RANKS[Kind.CONTACT])):
            return
        _by_import(bulk.begin)
    while drain(only) and _by_import(bulk.settle):
        pass
    report.done += bulk.done
    run.counts["done"] += bulk.done
    report.look_again = bulk.look_again()
    report.notes += bulk.notes


def _by_import(step: Callable[[], bool]) -> bool:
    """A step of the imports; after a passing fault the next push goes on with them."""
    try:
        return step()
    except errors.Unreachable:
        raise
    except errors.ResendError as error:
        if error.verdict == "stop":
            raise
        logger.warning("import: %s", error)
        return False
