"""One batch of a job: its writes, its results and its place in the work commit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from ...models.batches import BATCH_ROWS
from ...models.jobs import Job, JobResult
from ..progress import Interrupted


class JobLost(Interrupted):
    """The job was cancelled, or another process has taken it over."""


@dataclass
class Batch:
    """What a step tells of its batch: ``rows`` done, ``counts`` to add, the next ``cursor``."""

    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    cursor: Mapping[str, Any] | None = None
    results: list[JobResult] = field(default_factory=list)

    def tell(
        self, subject: str, outcome: str, *, object_id: int | None = None, detail: str = ""
    ) -> None:
        """Keep one row's outcome for the result that people download."""
        self.results.append(
            JobResult(subject=subject, object_id=object_id, outcome=outcome, detail=detail)
        )


@contextmanager
def batch(job: Job) -> Iterator[Batch]:
    """The transaction of one batch. Raises ``JobLost`` where the job isn't ours any more."""
    with transaction.atomic():
        hold(job)
        told = Batch()
        yield told
        for result in told.results:
            result.job = job
        JobResult.objects.bulk_create(told.results, batch_size=BATCH_ROWS)
        job.done += told.rows
        job.counts = dict(Counter(job.counts) + told.counts)
        if told.cursor is not None:
            job.cursor = dict(told.cursor)
        job.attempts = 0
        job.save(update_fields=["done", "counts", "cursor", "attempts"])


def hold(job: Job) -> None:
    """Give a sign of life, and see that the job is ours still. Raises ``JobLost``."""
    mine = Job.objects.filter(pk=job.pk, lease=job.lease, state=Job.State.RUNNING)
    if not mine.update(heartbeat_at=timezone.now()):
        raise JobLost
