"""What every stage of a pull works with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...client import Client
from ..coverage import Coverage
from ..progress import Progress
from ..runs import Run
from .sweep import Sweep


class Paused(Exception):
    """The run's time is over; it goes on later from its cursor."""


@dataclass
class Pull:
    """One pull under way. ``resume`` is the cursor of the stage to begin with, used once."""

    client: Client
    run: Run
    progress: Progress
    allow_deletions: bool = False
    deadline: float | None = None
    """When to pause, on the monotonic clock in seconds."""
    resume: dict[str, Any] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    """What was not done, and why, in a sentence each."""
    absent: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """By kind, the definitions (local key, Resend's id) that the lists lacked."""
    coverage: Coverage | None = None
    """``None``: the list of contacts is walked to its end."""
    sweep: Sweep | None = None
    """The sweep over the contacts, until it is settled."""

    def checkpoint(self, stage: str, **cursor: Any) -> None:
        kept: dict[str, Any] = {"absent": self.absent, "stopped": self.stopped}
        if self.sweep is not None:
            kept["sweep"] = self.sweep.pack()
        self.run.checkpoint(stage, {**kept, **cursor})

    def breathe(self, stage: str, **cursor: Any) -> None:
        """Between two pages: when the time is over, store the cursor and raise ``Paused``."""
        if self.is_late():
            self.checkpoint(stage, **cursor)
            raise Paused

    def is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def take_cursor(self) -> dict[str, Any]:
        cursor, self.resume = self.resume, {}
        return cursor

    def count(self, prefix: str, counts: Mapping[str, int]) -> None:
        self.run.counts.update({f"{prefix}_{name}": n for name, n in counts.items() if n})

    def stop(self, sentence: str) -> None:
        self.stopped.append(sentence)
        self.progress.note(sentence)
