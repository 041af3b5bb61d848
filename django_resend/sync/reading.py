"""Pages of a list, asked for ahead and stored in groups where that pays."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from django.db import connections
from django.utils import timezone

from ..client import Client
from .crew import useful_calls_in_flight

GATHERED_PAGES = 6
GATHERING_SECONDS = 0.1
"""So many pages that come within it are stored together; slower ones each at once."""

Item = TypeVar("Item")


def read_ahead(
    client: Client, pages: Iterator[Item], *, late: Callable[[], bool]
) -> Generator[tuple[datetime, Item]]:
    """Each page, with the moment before it was asked for.

    Where calls would otherwise be left unused, some more pages are asked for while the caller
    stores; no more when it is ``late``, for then the caller is about to stop. Close it when done.
    """
    with ThreadPoolExecutor(1, "django-resend") as reader:
        asked: deque[Future[tuple[datetime, Item] | None]] = deque()
        used = False
        try:
            while (told := asked.popleft().result() if asked else _ask(pages)) is not None:
                while len(asked) < GATHERED_PAGES and _pays(client) and not late():
                    asked.append(reader.submit(_ask, pages))
                    used = True
                yield told
        finally:
            for page in asked:
                page.cancel()
            if used:
                reader.submit(connections.close_all)


def gather(
    pages: Iterator[tuple[datetime, Item]],
    *,
    late: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[datetime, list[Item]]]:
    """The pages of ``read_ahead`` in the groups in which storing them costs least.

    Each with the moment before its first was asked for; when it is ``late`` a group waits for no
    other page. What came before an error is yielded before the error is raised.
    """
    group: list[Item] = []
    began, since = timezone.now(), clock()
    try:
        for asked_at, page in pages:
            if not group:
                began = asked_at
            group.append(page)
            if len(group) >= GATHERED_PAGES or clock() - since > GATHERING_SECONDS or late():
                yield began, group
                group, since = [], clock()
    except Exception:
        if group:
            yield began, group
        raise
    if group:
        yield began, group


def _ask(pages: Iterator[Item]) -> tuple[datetime, Item] | None:
    asked_at = timezone.now()
    page = next(pages, None)
    return None if page is None else (asked_at, page)


def _pays(client: Client) -> bool:
    return useful_calls_in_flight(client) > 1
