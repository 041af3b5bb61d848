from __future__ import annotations

from collections.abc import Iterator

import pytest

from .guard import CallsGuard, guarded_calls


@pytest.fixture(autouse=True)
def calls_guard() -> Iterator[CallsGuard]:
    """Fails a test in which Resend is called inside a transaction or a web request."""
    with guarded_calls() as guard:
        yield guard
