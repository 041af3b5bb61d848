"""A way to call a fake in one short line."""

from __future__ import annotations

import json
from typing import Any

from django_resend.testing import FakeResend, Reply

HEADERS = {"User-Agent": "tests/1.0", "Authorization": "Bearer re_test"}


class Caller:
    """Calls in process, with good headers unless others are given."""

    def __init__(self, fake: FakeResend) -> None:
        self.fake = fake

    def __call__(
        self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        content = b"" if body is None else json.dumps(body).encode()
        return self.fake.handle(method, target, HEADERS if headers is None else headers, content)

    def get(self, target: str) -> Any:
        """The JSON of a GET that must succeed."""
        reply = self("GET", target)
        assert reply.status == 200, reply.body
        return reply.json()

    def create(self, target: str, body: Any) -> str:
        """The id of what a POST created."""
        reply = self("POST", target, body)
        assert reply.status in (200, 201), reply.body
        return str(reply.json()["id"])

    def contact(self, email: str, **fields: Any) -> str:
        return self.create("/contacts", {"email": email} | fields)

    def topic(self, name: str, default: str = "opt_in") -> str:
        return self.create("/topics", {"name": name, "default_subscription": default})

    def segment(self, name: str) -> str:
        return self.create("/segments", {"name": name})

    def define(self, key: str, kind: str = "string", fallback: Any = None) -> str:
        return self.create(
            "/contact-properties", {"key": key, "type": kind, "fallback_value": fallback}
        )


def error_of(reply: Reply) -> tuple[int, str]:
    """Status and name of an error reply, whose body must repeat the status."""
    body = reply.json()
    assert body["statusCode"] == reply.status
    assert body["message"]
    return reply.status, body["name"]
