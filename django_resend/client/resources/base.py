"""The few kinds of call that all of Resend's objects share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from django_resend.client.errors import BadAnswer, NotFound
from django_resend.client.paging import MAX_LIMIT, Page, read_page, walk
from django_resend.client.rows import Row, Unreadable
from django_resend.client.transport import Transport

RowT = TypeVar("RowT", bound=Row)
ReadT = TypeVar("ReadT")
Parts = Mapping[str, str]
Reader = Callable[[dict[str, Any]], RowT]

SUBSCRIPTIONS = frozenset({"opt_in", "opt_out"})


class Resource:
    """Calls on one kind of object. Every method may raise any ResendError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _page(
        self,
        route: str,
        read: Reader[RowT],
        *,
        after: str | None,
        limit: int = MAX_LIMIT,
        parts: Parts | None = None,
        status: str | None = None,
    ) -> Page[RowT]:
        if not 1 <= limit <= MAX_LIMIT:
            raise ValueError(f"limit must be 1 to {MAX_LIMIT}")
        query: dict[str, str | int] = {"limit": limit}
        if after is not None:
            query["after"] = after
        if status is not None:
            query["status"] = status
        body = self._transport.request("GET", route, parts, query=query)
        return understood("GET", route, lambda: read_page(body, read, limit))

    def _pages(
        self,
        route: str,
        read: Reader[RowT],
        *,
        after: str | None,
        parts: Parts | None = None,
        status: str | None = None,
    ) -> Iterator[Page[RowT]]:
        def fetch(cursor: str | None) -> Page[RowT]:
            return self._page(route, read, after=cursor, parts=parts, status=status)

        return walk(fetch, after, route)

    def _get(self, route: str, parts: Parts, read: Reader[RowT]) -> RowT:
        body = self._transport.request("GET", route, parts)
        return understood("GET", route, lambda: read(body))

    def _create(self, route: str, body: Mapping[str, object]) -> str:
        told = self._transport.request("POST", route, body=body)
        return told_text("POST", route, told, "id")

    def _update(self, route: str, parts: Parts, changes: Mapping[str, object]) -> None:
        """Send the changes; no call when there are none."""
        if changes:
            self._transport.request("PATCH", route, parts, body=changes)

    def _delete(self, route: str, parts: Parts) -> bool:
        """Delete; False when Resend says that it was already absent."""
        try:
            self._transport.request("DELETE", route, parts)
        except NotFound as absent:
            if not absent.proves_absence:
                raise
            return False
        return True


def understood(method: str, route: str, read: Callable[[], ReadT]) -> ReadT:
    """Return what `read` makes of an answer; raises BadAnswer when it is unreadable."""
    try:
        return read()
    except Unreadable as unreadable:
        raise BadAnswer(str(unreadable), method=method, route=route) from None


def told_text(method: str, route: str, told: Mapping[str, Any], key: str) -> str:
    """Return a text that the answer must hold; raises BadAnswer when it does not."""
    value = told.get(key)
    if not isinstance(value, str) or not value:
        raise BadAnswer(f"an answer without {key}", method=method, route=route)
    return value


def only(changes: Mapping[str, object], known: Iterable[str]) -> dict[str, object]:
    """Return the changes; raises ValueError for a key that Resend would silently drop."""
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise ValueError(f"Resend cannot change: {', '.join(unknown)}")
    return dict(changes)


def segment_objects(segments: Iterable[str]) -> list[dict[str, str]]:
    """Return segment ids in the form that bodies take."""
    return [{"id": segment} for segment in segments]


def topic_objects(topics: Mapping[str, str]) -> list[dict[str, str]]:
    """Return topic choices in the form that bodies take; raises ValueError for other choices."""
    for subscription in topics.values():
        if subscription not in SUBSCRIPTIONS:
            raise ValueError(f"a subscription is opt_in or opt_out, not {subscription!r}")
    return [{"id": topic, "subscription": choice} for topic, choice in topics.items()]
