"""Whose a job is: of two processes that want it one does it, and one that nobody knows can go."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.utils import timezone

from django_resend.models import Job
from django_resend.sync.jobs import Operation, batch, cancel, queue, register, run_job, run_jobs
from django_resend.sync.runs import me

pytestmark = pytest.mark.django_db


@register("test_one_row")
class OneRow(Operation):
    """Tells of one row."""

    def total(self, arguments: Mapping[str, Any]) -> int:
        return 1

    def step(self, job: Job) -> bool:
        with batch(job) as told:
            told.rows = 1
            told.tell("row", "changed")
        return False


@pytest.mark.parametrize(
    "work", [run_jobs, lambda: run_job(Job.objects.get(), seconds=9)], ids=["queue", "at once"]
)
def test_a_job_that_another_process_takes_first_is_left_to_it(
    work: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue("test_one_row", {})
    theirs = {"state": Job.State.RUNNING, "owner": "elsewhere:1:x", "lease": uuid.uuid4()}

    def me_but_later() -> str:
        Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now(), **theirs)
        return me()

    with monkeypatch.context() as patched:
        patched.setattr("django_resend.sync.jobs.run.me", me_but_later)
        work()

    job.refresh_from_db()
    assert (job.owner, job.lease) == (theirs["owner"], theirs["lease"])
    assert (job.done, job.results.count()) == (0, 0)


def test_a_job_of_a_removed_app_can_be_cancelled() -> None:
    job = Job.objects.create(operation="of a removed app")

    assert cancel(job)

    job.refresh_from_db()
    assert (job.state, run_jobs().failed) == (Job.State.CANCELLED, 0)
