"""An import from beginning to end, in one process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from django.db import reset_queries

from ..models.batches import BATCH_ROWS, batches
from .applying import apply_records
from .instructions import Orders
from .records import read_records
from .survey import Survey
from .verdicts import Judge, Outcome, Verdict


def import_file(
    file: IO[bytes], survey: Survey, orders: Orders, *, dry_run: bool = False
) -> Iterator[list[Verdict]]:
    """Import the file in batches of 1,000 records, each in a transaction; yields their verdicts.

    Importing again is safe: what is done is unchanged then. ``dry_run`` writes nothing.
    """
    judge = Judge(orders, survey.repeats)
    if not dry_run:
        orders.create_properties()
    for records in batches(read_records(file, survey.format), BATCH_ROWS):
        yield judge(records) if dry_run else apply_records(judge, records)
        # With DEBUG on Django keeps the text of 9,000 queries: hundreds of megabytes of addresses.
        reset_queries()


LEFT = "left"
"""Counts the records of which something was left as it is, because of consent."""


def tally(verdicts: Sequence[Verdict]) -> Counter[str]:
    """Records by outcome, and those of which something was left as it is."""
    counts = Counter(str(one.outcome) for one in verdicts)
    counts[LEFT] += sum(bool(one.notes) for one in verdicts)
    return counts


def complete_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts with all their keys."""
    return {name: counts.get(name, 0) for name in (*Outcome.values, LEFT)}
