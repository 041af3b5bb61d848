"""How a command speaks: progress for a terminal or a log, tables, JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _

BAR_WIDTH = 16
LOG_EVERY_SECONDS = 10.0
DRAW_EVERY_SECONDS = 0.1


class CommandProgress:
    """A bar that redraws itself on a terminal; elsewhere a line every ten seconds."""

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        terminal: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._terminal = terminal
        self._clock = clock
        self._name = ""
        self._total: int | None = None
        self._done = 0
        self._begun = self._told = clock()

    def stage(self, name: str, total: int | None) -> None:
        self.close()
        self._name, self._total, self._done = name, total, 0
        self._begun = self._told = self._clock()

    def advance(self, rows: int) -> None:
        self._done += rows
        pause = DRAW_EVERY_SECONDS if self._terminal else LOG_EVERY_SECONDS
        if self._clock() - self._told >= pause:
            self._told = self._clock()
            self._tell()

    def note(self, message: str) -> None:
        self._write(("\r\x1b[K" if self._terminal else "") + f"{message}\n")

    def close(self) -> None:
        """End the stage with its last figures."""
        if self._name:
            self._tell(last=True)
        self._name = ""

    def _tell(self, *, last: bool = False) -> None:
        line = self._line()
        if self._terminal:
            self._write(f"\r\x1b[K{line}" + ("\n" if last else ""))
        else:
            self._write(f"{line}\n")

    def _line(self) -> str:
        seconds = max(self._clock() - self._begun, 1e-6)
        speed = self._done / seconds
        parts = [f"{self._name}: {self._done}"]
        if self._total and self._total >= self._done:
            share = self._done / self._total
            parts[0] += f"/{self._total} ({share:.0%})"
            if self._terminal:
                full = round(share * BAR_WIDTH)
                parts.insert(0, "█" * full + "░" * (BAR_WIDTH - full))
            if speed and self._done < self._total:
                left = (self._total - self._done) / speed
                parts.append(_("%(time)s left") % {"time": duration(left)})
        parts.append(_("%(speed).0f a second") % {"speed": speed})
        return "  ".join(parts)


def duration(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes, as a person reads them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def table(rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """Rows as aligned columns; ``right`` names the columns aligned to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
    lines = []
    for row in texts:
        cells = [
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
