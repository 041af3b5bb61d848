"""What became of each record, as CSV for a person to work through."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import IO

from .cells import text_cell
from .verdicts import Verdict

HEADER = ["line", "address", "outcome", "detail"]


class Report:
    """Writes verdicts to a text file as they come."""

    def __init__(self, file: IO[str]) -> None:
        self._rows = csv.writer(file)
        self._rows.writerow(HEADER)

    def add(self, verdicts: Sequence[Verdict]) -> None:
        self._rows.writerows(
            [one.line, text_cell(one.address), str(one.outcome), text_cell(one.detail)]
            for one in verdicts
        )
