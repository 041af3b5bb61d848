"""The records of a file, one after another, each with what is needed to read on behind it."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import IO, Any, NamedTuple

from django.utils.translation import gettext as _

from .errors import FileRefused

LINE_CHARACTERS = 1_000_000
"""A longer line is no line of contacts; reading it whole would fill the memory."""


class Position(NamedTuple):
    """A place between two records: bytes and lines before it, and records (without the header)."""

    offset: int
    line: int = 0
    number: int = 0


@dataclass(frozen=True)
class Format:
    """How a file is written. ``start`` is where its first record begins, behind the header."""

    codec: str
    delimiter: str
    columns: tuple[str, ...]
    start: Position
    guessed: bool = False
    headed: bool = True

    def pack(self) -> dict[str, Any]:
        """The format as JSON."""
        return asdict(self)

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> Format:
        format = cls(**packed)
        return replace(format, columns=tuple(format.columns), start=Position(*packed["start"]))


class Record(NamedTuple):
    """``line`` is that of its first line, from 1; ``problem`` tells why it has no cells."""

    number: int
    line: int
    cells: list[str]
    problem: str
    after: Position


class _Lines:
    """Lines that can be given back: a record that turns out broken ends with its first line."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._again = deque[str]()
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._text.readline(LINE_CHARACTERS)
        if not line:
            raise StopIteration
        if len(line) == LINE_CHARACTERS:
            raise FileRefused(
                _("A line is longer than a million characters: this is no file of contacts.")
            )
        self._taken.append(line)
        return line

    def give_back_all_but_first(self) -> None:
        self._again.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]

    def take(self) -> list[str]:
        taken, self._taken = self._taken, []
        return taken


def read_records(
    file: IO[bytes], format: Format, at: Position | None = None, *, proved: bool = True
) -> Iterator[Record]:
    """The records from a position on, blank ones left out.

    A record whose quotes don't match is one line long, and has a problem instead of cells. Where
    the encoding is not ``proved``, a byte that it doesn't have becomes a question mark.
    """
    position = at or format.start
    with _text_of(file, format.codec, position.offset, proved=proved) as text:
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=format.delimiter, strict=True)
        while True:
            problem = ""
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                lines.give_back_all_but_first()
                reader = csv.reader(lines, delimiter=format.delimiter, strict=True)
                cells, problem = [], _("its quotes don't match")
            taken = lines.take()
            read = sum(len(line.encode(format.codec)) for line in taken)
            blank = not problem and not any(map(str.strip, cells))
            after = Position(
                position.offset + read, position.line + len(taken), position.number + (not blank)
            )
            if not blank:
                yield Record(position.number, position.line + 1, cells, problem, after)
            position = after


@contextmanager
def _text_of(
    file: IO[bytes], codec: str, offset: int, *, proved: bool
) -> Iterator[io.TextIOWrapper]:
    file.seek(offset)
    errors = "strict" if proved else "replace"
    text = io.TextIOWrapper(file, encoding=codec, errors=errors, newline="")
    try:
        yield text
    finally:
        text.detach()
