"""Drain the outbox: entry by entry, definitions first, within the call budget."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, OperationalError
from django.db.models import QuerySet

from ...client import Client, errors
from ...conf import resend_settings
from ...models import Kind, OutboxEntry, SyncRun
from ..calls import open_client
from ..errors import NotConfigured
from ..locks import giving_way
from ..progress import Progress, Silent
from ..runs import Run, open_run
from .claims import Claim, NotYet, claim, due, release_abandoned, release_all
from .contacts import push_contact
from .definitions import push_definition
from .deletions import push_deletion

logger = logging.getLogger("django_resend.sync")

CLAIMED_AT_ONCE = 20

PATIENCE = 5
"""After so many transient faults in a row Resend is taken to be down, and the run ends."""


@dataclass
class PushReport:
    """What a push did, in outbox entries; ``more`` says that due entries are left."""

    done: int = 0
    refused: int = 0
    retried: int = 0
    more: bool = False
    calls: int = 0
    calls_by_route: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not self.refused and not self.retried and not self.more


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
    if not due(only).exists():
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
    run = open_run(SyncRun.Action.PUSH, client)
    report = PushReport()
    try:
        with giving_way():
            _drain(client, run, report, seconds, only, progress)
    except BaseException as error:
        message = str(error) if isinstance(error, errors.ResendError) else type(error).__name__
        run.finish(SyncRun.State.FAILED, message)
        raise
    report.calls = client.calls
    report.calls_by_route = dict(client.ledger)
    report.more = due(only).exists()
    state = SyncRun.State.PARTIAL if report.refused or report.retried else SyncRun.State.DONE
    run.finish(state)
    return report


def _drain(
    client: Client,
    run: Run,
    report: PushReport,
    seconds: float | None,
    only: QuerySet[OutboxEntry] | None,
    progress: Progress,
) -> None:
    progress.stage("pushing", due(only).count())
    deadline = None if seconds is None else time.monotonic() + seconds
    faults = 0
    while claims := claim(CLAIMED_AT_ONCE, run.pk, only):
        waiting = list(claims)
        try:
            while waiting:
                outcome = _push_one(client, waiting[0])
                waiting.pop(0)
                faults = faults + 1 if outcome == "faulty" else 0
                _count(report, run.counts, outcome)
                progress.advance(1)
                if faults >= PATIENCE or (deadline and time.monotonic() > deadline):
                    return
        finally:
            release_all(waiting)
        run.checkpoint("pushing", {})


def _push_one(client: Client, claimed: Claim) -> str:
    """Push one entry and give it back: done, again, waiting, refused or faulty."""
    try:
        if claimed.entry.is_deletion:
            push_deletion(client, claimed)
        elif claimed.entry.kind == Kind.CONTACT:
            push_contact(client, claimed)
        else:
            push_definition(client, claimed)
    except NotYet as reason:
        claimed.retry(reason)
        return "waiting"
    except (ObjectDoesNotExist, IntegrityError, OperationalError):
        # Deleted here, or held by a save, while it was pushed: what is left is worked out anew.
        claimed.retry(NotYet("It was being changed here at the same time."))
        return "waiting"
    except errors.Unreachable:
        raise
    except errors.ResendError as error:
        if error.verdict == "stop":
            raise
        logger.warning("%s %s: %s", claimed.entry.kind, claimed.object_id, error)
        if error.verdict == "fix":
            claimed.refuse(error)
            return "refused"
        claimed.retry(error)
        return "faulty"
    return "done" if claimed.done() else "again"


def _count(report: PushReport, counts: Counter[str], outcome: str) -> None:
    counts[outcome] += 1
    if outcome == "done":
        report.done += 1
    elif outcome == "refused":
        report.refused += 1
    elif outcome in ("waiting", "faulty"):
        report.retried += 1
