"""The contacts that a job is about, as they were when it was queued."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from ...models.batches import BATCH_ROWS
from ...models.jobs import Job
from ..seen import Seen


def pack_selection(keys: Iterable[int]) -> dict[str, Any]:
    """A job's ``arguments`` for these local keys; 50,000 neighbours take about a kilobyte."""
    seen = Seen(keys)
    return {"keys": seen.pack(), "count": len(seen)}


def next_keys(job: Job, rows: int = BATCH_ROWS) -> list[int]:
    """The selected keys of the next batch, in their order; empty at the end."""
    selected = Seen.unpack(job.arguments["keys"])
    return list(islice(selected.above(job.cursor.get("after", 0)), rows))


def cursor_after(keys: list[int]) -> Mapping[str, Any]:
    return {"after": keys[-1]}
