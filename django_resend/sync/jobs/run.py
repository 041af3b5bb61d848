"""Working off the queue, batch by batch, wherever an earlier process stopped."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import OperationalError
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from ...client.errors import ResendError
from ...models.jobs import Job
from ..errors import SyncStopped
from ..locks import giving_way
from ..runs import SILENCE, is_alive, me
from .batch import JobLost
from .registry import Operation, find

logger = logging.getLogger("django_resend.sync")

ATTEMPTS = 10
"""So often in a row a batch may give way to the site's own transactions."""

PAUSE_SECONDS = 0.5

KEPT = timedelta(days=30)
"""How long a finished job and its results can be looked at."""

sleep = time.sleep


@dataclass
class JobsReport:
    """What was done of the queue; ``more`` says that a job is left which can go on at once."""

    finished: int = 0
    failed: int = 0
    more: bool = False


def run_jobs(seconds: float | None = None) -> JobsReport:
    """Work off the queue, for at most so many seconds (a batch may run over).

    A job that fails says why in its ``message`` and keeps none of the others from their turn.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    report = JobsReport()
    Job.objects.filter(finished_at__lt=timezone.now() - KEPT).delete()
    while job := _claim():
        with giving_way():
            _work(job, deadline, report)
        if deadline is not None and time.monotonic() > deadline:
            break
    report.more = next(_free(), None) is not None
    return report


def run_job(job: Job, *, seconds: float) -> None:
    """Work on this job at once, for at most so many seconds, unless another process is at it."""
    claimed = _take(job)
    if claimed is not None:
        with giving_way():
            _work(claimed, time.monotonic() + seconds, JobsReport())


def is_forgotten() -> bool:
    """Whether a job could go on and nobody has touched it for a while: the broker lost its task."""
    long_ago = timezone.now() - SILENCE
    return (
        _unfinished().filter(heartbeat_at__lt=long_ago).exists() and next(_free(), None) is not None
    )


def _unfinished() -> QuerySet[Job]:
    return Job.objects.filter(state__in=Job.UNFINISHED).order_by("rank", "pk")


def _free() -> Iterator[Job]:
    """The first job of each rank, unless a living process is at it."""
    ranks: set[int] = set()
    for job in _unfinished().defer("arguments", "cursor"):
        if job.rank not in ranks and not (job.lease and is_alive(job)):
            yield job
        ranks.add(job.rank)


def _claim() -> Job | None:
    return next(filter(None, map(_take, _free())), None)


def _take(job: Job) -> Job | None:
    """The job, ours from now on; ``None`` if it changed since it was read."""
    now, lease = timezone.now(), uuid.uuid4()
    unchanged = Job.objects.filter(pk=job.pk, lease=job.lease, state=job.state)
    unchanged.update(
        state=Job.State.RUNNING,
        owner=me(),
        lease=lease,
        heartbeat_at=now,
        started_at=Coalesce("started_at", now),
    )
    return Job.objects.filter(pk=job.pk, lease=lease).first()


def _work(job: Job, deadline: float | None, report: JobsReport) -> None:
    operation = find(job.operation)
    if operation is None:
        _fail(job, report, f"No operation is registered as {job.operation!r}.")
        return
    try:
        while _step(operation, job):
            if deadline is not None and time.monotonic() > deadline:
                return
        _finish(job, Job.State.DONE)
        report.finished += 1
    except JobLost:
        return
    except (SyncStopped, ResendError) as error:
        _fail(job, report, str(error))
    except Exception as error:
        logger.exception("Job %s (%s) failed.", job.pk, job.operation)
        _fail(job, report, f"{type(error).__name__}: {error}")
    finally:
        _mine(job).update(lease=None)


def _step(operation: Operation, job: Job) -> bool:
    """One step, again after a pause where it gave way to the site's own transactions."""
    while True:
        try:
            return operation.step(job)
        except OperationalError:
            job.refresh_from_db(fields=["done", "counts", "cursor", "attempts"])
            if job.attempts >= ATTEMPTS or not _mine(job).update(attempts=F("attempts") + 1):
                raise
            sleep(PAUSE_SECONDS * (job.attempts + 1))


def _mine(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, lease=job.lease)


def _finish(job: Job, state: Job.State, message: str = "") -> None:
    running = _mine(job).filter(state=Job.State.RUNNING)
    ended = running.update(state=state, message=message, finished_at=timezone.now())
    if ended and (operation := find(job.operation)):
        operation.ended(job)


def _fail(job: Job, report: JobsReport, message: str) -> None:
    report.failed += 1
    _finish(job, Job.State.FAILED, message)
