"""Calling Resend: a client within the site's budget, and patience with what passes by itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from time import sleep
from typing import TypeVar

from ..client import Client, Page, errors
from ..client.paging import walk
from ..client.rows import Row
from ..conf import resend_settings
from .errors import NotConfigured
from .limiter import Limiter, ensure_unpaused

TRIES = 5
FIRST_PAUSE_SECONDS = 1.0

Result = TypeVar("Result")
RowT = TypeVar("RowT", bound=Row)

RESTARTS = 2


def open_client() -> Client:
    """A client with the site's key, within the site's budget.

    Raises ``NotConfigured``, and ``QuotaPaused`` while the team's quota is used up.
    """
    if not resend_settings.api_key:
        raise NotConfigured(
            "No Resend API key is set. Set RESEND_API_KEY in the environment, or "
            "RESEND['API_KEY'] in the settings."
        )
    ensure_unpaused()
    try:
        return Client(
            resend_settings.api_key,
            base_url=resend_settings.base_url,
            timeout=resend_settings.timeout,
            throttle=Limiter(),
        )
    except ValueError as error:
        raise NotConfigured(str(error)) from error


def patiently(call: Callable[[], Result]) -> Result:
    """Make a call that is safe to repeat; again, with growing pauses, after a passing fault.

    Raises the client's errors: those that no patience mends at once, the others after 5 tries.
    """
    for attempt in range(1, TRIES):
        try:
            return call()
        except errors.RateLimited:
            # The limiter holds every caller back until Retry-After has passed.
            continue
        except errors.ResendError as error:
            if error.verdict != "retry" or isinstance(error, errors.BrokenWalk):
                raise
            pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
            sleep(error.retry_after or pause * random.uniform(0.5, 1.0))
    return call()


def pause(seconds: float) -> None:
    """Wait for something that Resend does in its own time."""
    sleep(seconds)


def within_limit(call: Callable[[], Result]) -> Result:
    """Make a call that may not be safe to repeat; again only where the limit kept it out."""
    for _attempt in range(TRIES - 1):
        try:
            return call()
        except errors.RateLimited:
            continue
    return call()


def walk_patiently(
    fetch: Callable[[str | None], Page[RowT]], after: str | None, route: str
) -> Iterator[Page[RowT]]:
    """All pages from a cursor on. Raises ``BrokenWalk`` where the list has no proper end."""
    return walk(lambda cursor: patiently(lambda: fetch(cursor)), after, route)


def walk_restarting(
    walk_from: Callable[[str | None], None],
    after: str | None,
    broken: tuple[type[errors.ResendError], ...],
) -> None:
    """Walk a list, from its beginning again after these errors; raises the third of them.

    The row that the cursor names may have been deleted while the list was walked.
    """
    for _restart in range(RESTARTS):
        try:
            walk_from(after)
        except broken:
            after = None
        else:
            return
    walk_from(after)
