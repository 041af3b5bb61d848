"""The operations that call Resend: pull, push, compare, and reading chosen contacts anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from ...client import Client
from ...models import Contact, OutboxEntry
from ...models.jobs import Job
from ..calls import open_client
from ..drift import find_drift
from ..pull import pull_all
from ..pull.chosen import Outcome, pull_contact
from ..push import push_outbox
from .batch import batch, hold
from .registry import CALLING_RANK, Operation, register
from .selection import cursor_after, next_keys

STEP_SECONDS = 15.0
"""How long one step pulls or pushes before it stores how far the job is."""

CONTACTS_AT_ONCE = 10

HEARTBEAT_SECONDS = 1.0


class JobProgress:
    """Shows a run's progress on its job, and ends the run when the job is cancelled.

    Not ``shown``: the job's own figures stay, and only its sign of life is given.
    """

    def __init__(
        self, job: Job, *, shown: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._job = job
        self._shown = shown
        self._clock = clock
        self._told = clock()

    def stage(self, name: str, total: int | None) -> None:
        if self._shown:
            self._job.done, self._job.total = 0, total or 0
            self._job.counts = {"stage": name}
        self._store()

    def advance(self, rows: int) -> None:
        if self._shown:
            self._job.done += rows
        if self._clock() - self._told >= HEARTBEAT_SECONDS:
            self._store()

    def note(self, message: str) -> None:
        pass

    def close(self) -> None:
        pass

    def _store(self) -> None:
        self._told = self._clock()
        hold(self._job)
        if self._shown:
            self._job.save(update_fields=["done", "total", "counts"])


class Running(Operation):
    """A pull, push or comparison, followed through a job."""

    rank = CALLING_RANK

    def total(self, arguments: Mapping[str, Any]) -> int:
        return 0


@register("pull")
class Pull(Running):
    """``arguments["deep"]``: also properties and topic choices, contact by contact."""

    label = _("Pull from Resend")

    def step(self, job: Job) -> bool:
        report = pull_all(
            deep=bool(job.arguments.get("deep")), seconds=STEP_SECONDS, progress=JobProgress(job)
        )
        with batch(job) as told:
            job.counts = {}
            told.counts.update({**report.counts, "calls": report.calls})
            for sentence in report.stopped:
                told.tell("", "stopped", detail=sentence)
        return report.more


@register("push")
class Push(Running):
    label = _("Push to Resend")

    def total(self, arguments: Mapping[str, Any]) -> int:
        return OutboxEntry.objects.count()

    def step(self, job: Job) -> bool:
        earlier = job.counts
        report = push_outbox(seconds=STEP_SECONDS, progress=JobProgress(job, shown=False))
        with batch(job) as told:
            job.counts = earlier
            told.rows = report.done + report.refused
            told.counts.update(pushed=report.done, refused=report.refused, calls=report.calls)
        return report.more and bool(report.done or report.refused)


@register("drift")
class Drift(Running):
    label = _("Compare with Resend")

    def step(self, job: Job) -> bool:
        report = find_drift(progress=JobProgress(job))
        with batch(job) as told:
            job.counts = {}
            told.counts.update(drift=report.drift, waiting=report.waiting, calls=report.calls)
            for found in report.differences:
                field = found.field or found.kind
                detail = f"{field}: {found.local!r} / {found.remote!r} ({found.cause.value})"
                told.tell(found.what, "drift", object_id=found.object_id, detail=detail)
        return False


@register("pull_contacts")
class PullContacts(Running):
    """Read the selected contacts anew: three calls each."""

    label = _("Pull now")

    def total(self, arguments: Mapping[str, Any]) -> int:
        return int(arguments["count"])

    def step(self, job: Job) -> bool:
        keys = next_keys(job, CONTACTS_AT_ONCE)
        if not keys:
            return False
        client = open_client()
        try:
            outcomes = self._read(client, job, keys)
        finally:
            client.close()
        with batch(job) as told:
            told.rows, told.cursor = len(keys), cursor_after(keys)
            told.counts["gone"] = len(keys) - len(outcomes)
            for contact, outcome in outcomes.items():
                told.counts[outcome] += 1
                if outcome != Outcome.UNCHANGED:
                    told.tell(contact.email, outcome, object_id=contact.pk)
        return True

    def _read(self, client: Client, job: Job, keys: list[int]) -> dict[Contact, Outcome]:
        outcomes: dict[Contact, Outcome] = {}
        for contact in Contact.untracked.filter(pk__in=keys).order_by("pk"):
            hold(job)
            outcomes[contact] = pull_contact(client, contact)
        return outcomes
