"""How the demo speaks: numbered steps, one line each, that move on a terminal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

DRAW_EVERY_SECONDS = 0.1
TELL_EVERY_SECONDS = 5.0
BAR_WIDTH = 10


class Console:
    """Lines on a terminal, or plain ones in a file or pipe.

    ``check`` is called after each step, and may raise what ends the work.
    """

    def __init__(self, out: TextIO, check: Callable[[], None] = lambda: None) -> None:
        self._out = out
        self._check = check
        self.terminal = out.isatty()
        self._steps = 0

    def line(self, text: str = "") -> None:
        # Names from all over the world must not stop a terminal that can't show them.
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        self._out.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show the title while the block works, then what `result` says and the seconds taken."""
        self._steps += 1
        step = Step(self, f"{self._steps:>2}. {title}")
        step.draw()
        try:
            yield step
            self._check()
        except BaseException:
            self.redraw(step.title, end="\n")
            raise
        self.redraw(f"{step.title:<42}{step.result:>27}{step.seconds:>7.1f} s", end="\n")

    def redraw(self, text: str, end: str = "") -> None:
        """Write a line over the one that moves."""
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self._out.write("\r\x1b[K" + text[:width] + end)
            self._out.flush()
        elif end:
            self.line(text)


class Step:
    """One step under way; set `result`. A `Progress` for the engine."""

    def __init__(self, console: Console, title: str) -> None:
        self.title = title
        self.result = ""
        self._console = console
        self._begun = self._told = time.monotonic()
        self._stage = ""
        self._total: int | None = None
        self._done = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def stage(self, name: str, total: int | None) -> None:
        self._tell()
        self._stage, self._total, self._done = name, total, 0
        self.draw()

    def advance(self, rows: int) -> None:
        self._done += rows
        pause = DRAW_EVERY_SECONDS if self._console.terminal else TELL_EVERY_SECONDS
        if time.monotonic() - self._told >= pause:
            self._tell()
            self.draw()

    def note(self, message: str) -> None:
        self._console.redraw("")
        self._console.line(f"    {message}")

    def close(self) -> None:
        """The run is over; the step's own line ends it."""

    def draw(self) -> None:
        """Show how far it is, on a terminal."""
        self._console.redraw(f"{self.title}  {self._bar()}{self._figures()}")

    def _tell(self) -> None:
        """Say how far it is, where nothing can move."""
        self._told = time.monotonic()
        if self._stage and not self._console.terminal:
            self._console.line(f"    {self._figures()}")

    def _bar(self) -> str:
        if not self._total:
            return ""
        full = min(BAR_WIDTH, BAR_WIDTH * self._done // self._total)
        return "#" * full + "." * (BAR_WIDTH - full) + " "

    def _figures(self) -> str:
        if not self._stage:
            return ""
        whole = f"/{self._total:,}" if self._total else ""
        return f"{self._done:,}{whole} {self._stage}"
