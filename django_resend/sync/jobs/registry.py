"""The operations that a job may name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from ...models.jobs import Job

LOCAL_RANK, CALLING_RANK = 0, 10
"""Jobs of one rank are done in their order; those that call Resend hold up no others."""


class Operation:
    """What a job does. Implement ``total`` and ``step``; an instance keeps nothing between steps.

    ``label`` and ``describe`` are what people read of it. ``rank`` is ``CALLING_RANK`` for an
    operation whose steps call Resend.
    """

    label: ClassVar[Any] = ""
    rank: ClassVar[int] = LOCAL_RANK
    outcomes: ClassVar[Mapping[str, Any]] = {}
    """The words for its outcomes, where those that every job has don't do."""

    def total(self, arguments: Mapping[str, Any]) -> int:
        """The rows that a job with these arguments will look at."""
        raise NotImplementedError

    def step(self, job: Job) -> bool:
        """Do the next batch; returns whether there is more to do.

        A step may be killed at any line and then comes again: what it writes, and where the next
        one begins, goes into one transaction, that of ``batch(job)``.
        """
        raise NotImplementedError

    def describe(self, arguments: Mapping[str, Any]) -> str:
        """What it is done with, for people: the names of the segments, say."""
        return ""

    def ended(self, job: Job) -> None:
        """Tidy up after a job that is done, failed or cancelled; its last batch may still run."""


OperationClass = TypeVar("OperationClass", bound=type[Operation])
_operations: dict[str, type[Operation]] = {}


def register(operation: str) -> Callable[[OperationClass], OperationClass]:
    """Make a class known under this name, which is stored with its jobs."""

    def note(cls: OperationClass) -> OperationClass:
        _operations[operation] = cls
        return cls

    return note


def find(operation: str) -> Operation | None:
    """The operation of this name; ``None`` where no code here knows it."""
    cls = _operations.get(operation)
    return cls() if cls is not None else None
