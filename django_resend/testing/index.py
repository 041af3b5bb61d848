"""A list of rows in the API's order, newest first, that pages in time proportional to the page."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

Key = tuple[int, int]


class Row(Protocol):
    """Anything with an id and a place in time: (created_at in microseconds, serial number)."""

    @property
    def id(self) -> str: ...

    @property
    def key(self) -> Key: ...


R = TypeVar("R", bound=Row)
_key = attrgetter("key")


class NewestFirst(Generic[R]):
    """Rows by id, walked newest first with exclusive id cursors."""

    def __init__(self) -> None:
        self._oldest_first: list[R] = []
        self._by_id: dict[str, R] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, row_id: str) -> bool:
        return row_id in self._by_id

    def __iter__(self) -> Iterator[R]:
        return reversed(self._oldest_first)

    def get(self, row_id: str) -> R | None:
        return self._by_id.get(row_id)

    def add(self, row: R) -> None:
        """Put a row in its place; a row already there stays where it is."""
        if row.id in self._by_id:
            return
        self._by_id[row.id] = row
        if not self._oldest_first or self._oldest_first[-1].key < row.key:
            self._oldest_first.append(row)
        else:
            self._oldest_first.insert(self._place(row), row)

    def discard(self, row: R) -> bool:
        """Take a row out; False when it was not there."""
        if self._by_id.pop(row.id, None) is None:
            return False
        del self._oldest_first[self._place(row)]
        return True

    def page(
        self, limit: int | None, after: str | None = None, before: str | None = None
    ) -> tuple[list[R], bool]:
        """One page, newest first, and whether there is more in the direction of the walk.

        `after` walks to older rows, `before` to newer ones; raises KeyError for an unknown cursor.
        """
        size = limit or len(self._oldest_first)
        if before is not None:
            start = self._place(self._by_id[before]) + 1
            stop = start + size
            return self._oldest_first[start:stop][::-1], stop < len(self._oldest_first)
        stop = len(self._oldest_first) if after is None else self._place(self._by_id[after])
        start = max(0, stop - size)
        return self._oldest_first[start:stop][::-1], start > 0

    def _place(self, row: R) -> int:
        return bisect_left(self._oldest_first, row.key, key=_key)
