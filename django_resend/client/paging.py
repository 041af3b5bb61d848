"""Lists at Resend: one page, and the walk over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django_resend.client.errors import BrokenWalk
from django_resend.client.rows import Row, Unreadable

MAX_LIMIT = 100

RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True)
class Page(Generic[RowT]):
    """One page of a list; `next` is the cursor of the page after it, None at the end."""

    rows: list[RowT]
    has_more: bool
    next: str | None


def read_page(
    body: dict[str, Any], read: Callable[[dict[str, Any]], RowT], limit: int
) -> Page[RowT]:
    """Read a list answer asked for with `limit`; raises Unreadable when it is none."""
    data = body.get("data")
    if not isinstance(data, list) or not all(isinstance(raw, dict) for raw in data):
        raise Unreadable("a list without rows")
    rows = [read(raw) for raw in data]
    told = body.get("has_more")
    has_more = told if isinstance(told, bool) else len(rows) == limit
    return Page(rows, has_more, rows[-1].id if rows and has_more else None)


def walk(
    fetch: Callable[[str | None], Page[RowT]], after: str | None, route: str
) -> Iterator[Page[RowT]]:
    """Yield every page from the cursor `after` to the end of the list.

    Raises BrokenWalk when the end cannot be reached: a page without rows that announces more, or a
    cursor that comes back.
    """
    seen = {after}
    while True:
        page = fetch(after)
        if page.has_more and page.next is None:
            raise BrokenWalk("a page without rows announces more", method="GET", route=route)
        if page.has_more and page.next in seen:
            raise BrokenWalk("a cursor came back", method="GET", route=route)
        yield page
        if not page.has_more:
            return
        after = page.next
        seen.add(after)
