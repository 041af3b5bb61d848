"""How a file is written: its delimiter, its header, the names of its columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import islice
from typing import IO

from django.utils.translation import gettext as _

from .encoding import Encoding
from .errors import FileRefused
from .records import Format, Position, Record, read_records

DELIMITERS = ",;\t|"
SAMPLE_BYTES = 64 * 1024
SAMPLE_RECORDS = 100

ADDRESS = re.compile(r"""[^@\s,;|<>"']+@[^@\s,;|<>"']+\.[^@\s,;|<>"']+""")
EXCEL_HINT = re.compile(r'"?sep=(.)"?\s*?(\r\n|\r|\n)')
"""The first line by which a file tells Excel its delimiter."""


def sniff(file: IO[bytes], encoding: Encoding) -> Format:
    """Tell the format from the file's beginning. Raises ``FileRefused`` if it holds nothing."""
    file.seek(encoding.start)
    sample = file.read(SAMPLE_BYTES).decode(encoding.codec, errors="ignore")
    start = Position(encoding.start)
    hint = EXCEL_HINT.match(sample)
    if hint:
        start = Position(encoding.start + len(hint.group().encode(encoding.codec)), 1)
    delimiter = hint.group(1) if hint else _likeliest(sample)
    format = Format(encoding.codec, delimiter, (), start, guessed=encoding.guessed)
    first = next(read_records(file, format, proved=False), None)
    if first is None:
        raise FileRefused(_("The file is empty."))
    if first.problem:
        raise FileRefused(
            _("Line %d holds no names of columns: its quotes don't match.") % first.line
        )
    return _with_columns(format, first)


def sample_records(file: IO[bytes], format: Format) -> list[Record]:
    """The first records, to show and to guess from."""
    return list(islice(read_records(file, format, proved=False), SAMPLE_RECORDS))


def is_address(cell: str) -> bool:
    """Whether this looks like one address and nothing else; no judgement on its validity."""
    return bool(ADDRESS.fullmatch(cell.strip().lstrip("'")))


def _likeliest(sample: str) -> str:
    """The delimiter that finds whole addresses in cells, and most records as long as the first."""
    scores = [_score(sample, delimiter) for delimiter in DELIMITERS]
    return DELIMITERS[scores.index(max(scores))]


def _score(sample: str, delimiter: str) -> tuple[bool, float, int]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        records = [cells for cells in islice(reader, SAMPLE_RECORDS) if any(cells)]
    except csv.Error:
        return False, 0.0, 0
    if not records:
        return False, 0.0, 0
    width = len(records[0])
    alike = sum(len(cells) == width for cells in records) / len(records)
    addresses = any(is_address(cell) for cells in records for cell in cells)
    return addresses, alike if width > 1 else 0.0, width


def _with_columns(format: Format, first: Record) -> Format:
    headed = not any(map(is_address, first.cells))
    names = first.cells if headed else [""] * len(first.cells)
    start = first.after._replace(number=0) if headed else format.start
    return Format(format.codec, format.delimiter, _labels(names), start, format.guessed, headed)


def _labels(names: Sequence[str]) -> tuple[str, ...]:
    """A name for each column, none twice."""
    labels: list[str] = []
    for number, name in enumerate(names, 1):
        plain = name.strip().replace("\0", "") or _("column %d") % number
        label, again = plain, 2
        while label in labels:
            label, again = f"{plain} ({again})", again + 1
        labels.append(label)
    return tuple(labels)
