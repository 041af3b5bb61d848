"""Writing many rows in few statements, on every database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

BATCH_ROWS = 1000

Deleted = tuple[int, dict[str, int]]
"""What Django's ``delete`` returns: rows in all, and by model."""

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int = BATCH_ROWS) -> Iterator[list[Item]]:
    """The items in lists of at most ``size``, lazily."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def upsert_target(connection: BaseDatabaseWrapper, fields: list[str]) -> list[str] | None:
    """``unique_fields`` for ``bulk_create``: MySQL and MariaDB take none."""
    return fields if connection.features.supports_update_conflicts_with_target else None
