"""Putting a job into the queue, and taking it out again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from ...models.jobs import Job
from ...signals import job_queued
from .registry import find


def queue(
    operation: str, arguments: Mapping[str, Any], *, by: Any = None, total: int | None = None
) -> Job:
    """Store a job and ask for a worker once it is committed; without one it waits.

    ``by`` is the user whose wish it is. Raises ``ValueError`` for an operation nobody registered.
    """
    known = find(operation)
    if known is None:
        raise ValueError(f"No operation is registered as {operation!r}.")
    rows = known.total(arguments) if total is None else total
    with transaction.atomic():
        job = Job.objects.create(
            operation=operation,
            rank=known.rank,
            arguments=dict(arguments),
            total=rows,
            created_by=by,
        )
        transaction.on_commit(partial(job_queued.send, sender=Job, job=job), robust=True)
    return job


def cancel(job: Job) -> bool:
    """End the job after the batch under way. False when it was over already."""
    unfinished = Job.objects.filter(pk=job.pk, state__in=Job.UNFINISHED)
    if not unfinished.update(state=Job.State.CANCELLED, finished_at=timezone.now()):
        return False
    if operation := find(job.operation):
        operation.ended(job)
    return True
