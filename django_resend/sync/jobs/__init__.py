"""Jobs: operations on many rows, queued in the database and worked off in batches."""

from .batch import JobLost, batch
from .queue import cancel, queue
from .registry import Operation, find, register
from .run import JobsReport, run_job, run_jobs

__all__ = [
    "JobLost",
    "JobsReport",
    "Operation",
    "batch",
    "cancel",
    "find",
    "queue",
    "register",
    "run_job",
    "run_jobs",
]
