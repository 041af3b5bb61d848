"""Faults to order: what a network, a CDN or a bad day at the vendor's does to a call."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from .replies import JSON_TYPE, Reply, json_reply

KINDS = ("status", "html", "429", "quota", "timeout", "drop", "slow")
_NAMES = {
    400: "validation_error",
    401: "missing_api_key",
    403: "invalid_api_key",
    404: "not_found",
    409: "resource_locked",
    422: "validation_error",
    429: "rate_limit_exceeded",
    500: "internal_server_error",
}
_PAGE = "<html><head><title>{status}</title></head><body><h1>Error {status}</h1></body></html>"


@dataclass
class Fault:
    """One fault; see `Faults.add` for the meaning of each field."""

    kind: str
    status: int
    body: Any
    name: str | None
    after_effect: bool
    times: int
    route: str | None
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)

    def reply(self, real: Reply | None) -> Reply:
        """What the caller gets instead of (or for "slow": besides) the real answer."""
        if self.kind == "slow" and real is not None:
            real.delay += self.seconds
            return real
        if self.kind in ("timeout", "drop"):
            return Reply(0, b"", {}, lost=self.kind, delay=self.seconds)
        reply = self._answer()
        reply.headers.update(self.headers)
        return reply

    def _answer(self) -> Reply:
        if self.kind == "html" or isinstance(self.body, str):
            text = self.body if isinstance(self.body, str) else _PAGE.format(status=self.status)
            return Reply(self.status, text.encode(), {"content-type": "text/html"})
        if self.body is not None:
            return Reply(self.status, json.dumps(self.body).encode(), {"content-type": JSON_TYPE})
        name = self.name or _NAMES.get(self.status, "service_unavailable")
        message = f"Injected fault: {name}."
        reply = json_reply(
            {"statusCode": self.status, "message": message, "name": name}, self.status
        )
        if self.status == 429 and self.kind != "quota":
            reply.headers["retry-after"] = "1"
        return reply


class Faults:
    """Ordered faults, each used up after `times` calls; the oldest that fits a call is taken."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self,
        kind: str = "status",
        *,
        status: int | None = None,
        body: Any = None,
        name: str | None = None,
        after_effect: bool = False,
        times: int = 1,
        route: str | None = None,
        seconds: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Order a fault.

        kind: "status" (an error reply), "html" (a CDN page), "429" (rate limit), "quota" (429
        daily_quota_exceeded), "timeout" (no answer for `seconds`, default 60, then the connection
        closes), "drop" (the connection closes at once), "slow" (the real answer after `seconds`,
        default 1).
        status, body (objects go as JSON, text as HTML), name, headers: of the reply.
        after_effect: the call does its work first, and only its answer is spoilt.
        times: how many calls it hits. route: such as "PATCH /contacts/{id}"; None hits any call.
        Raises ValueError or TypeError for an unknown kind or an argument of a wrong kind.
        """
        if kind not in KINDS:
            raise ValueError(f"unknown kind of fault {kind!r}; there are {', '.join(KINDS)}")
        usual = {"html": 502, "429": 429, "quota": 429}.get(kind, 500)
        wait = {"timeout": 60.0, "slow": 1.0}.get(kind, 0.0)
        self._faults.append(
            Fault(
                kind,
                int(status or usual),
                body,
                name or ("daily_quota_exceeded" if kind == "quota" else None),
                after_effect or kind == "slow",
                int(times),
                _shape(route),
                wait if seconds is None else float(seconds),
                dict(headers or {}),
            )
        )

    def take(self, route: str) -> Fault | None:
        """The fault that hits this call, if any."""
        for fault in self._faults:
            if fault.route is None or fault.route == _shape(route):
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        self._faults.clear()

    def __len__(self) -> int:
        return len(self._faults)


def _shape(route: str | None) -> str | None:
    """A route whatever its placeholders are called."""
    return None if route is None else re.sub(r"\{[^}]*\}", "{}", route)
