"""Segments and topics by what a file calls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Generic, TypeVar

from ..models import Segment, Topic

T = TypeVar("T", Segment, Topic)


class References(Generic[T]):
    """Names; Resend's id where a name is not unique or would not come back as it is."""

    def __init__(self, rows: Iterable[T]) -> None:
        self.rows: list[T] = list(rows)
        self._by_id: dict[str, T] = {row.remote_id or f"#{row.pk}": row for row in self.rows}
        self._by_name: dict[str, T] = {row.name.strip(): row for row in self.rows}
        times = Counter[str](row.name.strip() for row in self.rows)
        self._ambiguous: set[str] = {name for name, count in times.items() if count > 1}

    def name(self, row: T) -> str:
        """What an export writes."""
        name = row.name
        fit = name == name.strip() and name.isprintable() and name not in self._by_id
        if fit and name and name not in self._ambiguous:
            return name
        return row.remote_id or f"#{row.pk}"

    def find(self, text: str) -> T | None:
        """The one that is called so; none where several are."""
        text = text.strip()
        found = self._by_id.get(text)
        if found is None and text not in self._ambiguous:
            found = self._by_name.get(text)
        return found

    def is_ambiguous(self, text: str) -> bool:
        return text.strip() in self._ambiguous
