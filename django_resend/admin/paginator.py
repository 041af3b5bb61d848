"""Counting a list no further than anyone reads it: counting millions keeps people waiting."""

from __future__ import annotations

from typing import Any

from django.utils.functional import cached_property

from .bases import BasePaginator

COUNTED_AT_MOST = 100_000


class CappedPaginator(BasePaginator):
    """Shows the first 100,000 rows; ``is_capped`` tells whether there are more."""

    @cached_property
    def count(self) -> int:
        return min(self._counted, COUNTED_AT_MOST)

    @property
    def is_capped(self) -> bool:
        return self._counted > COUNTED_AT_MOST

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        # Without the columns: a subquery for each row would be worked out to be counted.
        return int(rows.order_by().values("pk")[: COUNTED_AT_MOST + 1].count())
