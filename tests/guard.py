"""Where no call to Resend may be made: inside a transaction, and inside a web request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.db import connections

from django_resend.client.transport import Transport

_in_request: ContextVar[str] = ContextVar("in_request", default="")


class CallsGuard:
    """Refuses each such call and remembers it, for the code under test may swallow the refusal."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def check(self, call: str) -> None:
        where = _open_transaction() or _in_request.get()
        if where:
            self.refused.append(f"{call} inside {where}")
            raise AssertionError(self.refused[-1])

    def verify(self) -> None:
        if self.refused:
            raise AssertionError("\n".join(self.refused))


def _open_transaction() -> str:
    for connection in connections.all(initialized_only=True):
        # The transaction that a test case wraps around the test doesn't count.
        if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
            return f"a transaction on {connection.alias!r}"
    return ""


@contextmanager
def guarded_calls() -> Iterator[CallsGuard]:
    """Guard every client's calls; fails at the end if there was one to refuse."""
    guard = CallsGuard()
    request, get_response = Transport.request, BaseHandler.get_response

    def guarded_request(self: Transport, method: str, route: str, *args: Any, **kwargs: Any) -> Any:
        guard.check(f"{method} {route}")
        return request(self, method, route, *args, **kwargs)

    def marked_get_response(self: BaseHandler, http_request: Any) -> Any:
        token = _in_request.set(f"the web request {http_request.method} {http_request.path}")
        try:
            return get_response(self, http_request)
        finally:
            _in_request.reset(token)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "request", guarded_request)
        patch.setattr(BaseHandler, "get_response", marked_get_response)
        yield guard
    guard.verify()
