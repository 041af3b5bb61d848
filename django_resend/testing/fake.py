"""FakeResend: one team at a Resend that isn't there."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import control, imports
from .clock import Clock
from .courier import Courier
from .dashboard import Dashboard
from .faults import Faults
from .gate import blocked_by_cdn, check_key
from .ledger import Ledger
from .limiter import Limiter
from .quirks import Quirks
from .replies import ApiError, Reply
from .requesting import Call
from .routes import routes
from .server import Server
from .snapshot import snapshot
from .team import Team
from .webhooks import Webhooks

if TYPE_CHECKING:
    from .adapter import FakeAdapter

NOWHERE = "(no such route)"


class FakeResend:
    """A stateful stand-in for Resend's contact API, in process or as an HTTP server.

    api_keys: the keys with full access; "re_sending" is always one that may only send.
    rate_limit: calls per second; 0 is no limit.
    quirks: sides of disputed behaviours, see `quirks.QUIRKS`; raises UnknownQuirk for others.
    webhook_url, webhook_secret: where events are POSTed (loopback only) and how they are signed;
    without a URL they are collected in `webhooks`.
    clock, ids: where time and new ids come from. latency_ms: added to each answer of the server.
    """

    def __init__(
        self,
        *,
        api_keys: tuple[str, ...] = ("re_test",),
        rate_limit: int = 0,
        quirks: Mapping[str, str] | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        clock: Clock | None = None,
        ids: Callable[[], str] | None = None,
        latency_ms: float = 0,
    ) -> None:
        self.url = ""  # of the server started last
        self.api_keys = frozenset(api_keys)
        self.quirks = Quirks(quirks)
        self.clock = clock or Clock()
        self.latency = latency_ms / 1000
        self.faults = Faults()
        self.ledger = Ledger(self.quirks["rate_window"])
        self.webhooks = Webhooks(self.clock, webhook_url, webhook_secret)
        self.lock = threading.RLock()
        self._ids = ids or (lambda: str(uuid.uuid4()))
        self._courier = Courier(self.webhooks, self.clock)
        self.team = Team(self.clock, self._ids, self.quirks, self.webhooks)
        self.dashboard = Dashboard(self.team, self.lock)
        self.limiter = Limiter(rate_limit, self.quirks["rate_window"])

    def reset(self) -> None:
        """Forget everything: state, ledger, faults, webhooks. Clock and quirks stay."""
        with self.lock:
            self.team.reset()
            self.limiter.reset()
            self.ledger.reset()
            self.faults.clear()
            self.webhooks.clear()
            self._courier.forget()

    def handle(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        """Answer one request; `target` is path and query. Thread-safe, never raises.

        A reply whose `lost` is set must not be delivered, and `delay` seconds are to pass before
        any: the server and the adapter do both.
        """
        lowered = {name.lower(): value for name, value in headers.items()}
        call = Call(method.upper(), target, lowered, body)
        with self.lock:
            if call.path[0] == control.PREFIX:
                return control.answer(self, call)
            imports.settle(self.team)
            now = self.clock.micros()
            name = NOWHERE
            try:
                route = routes.find(call)
                name = route.name
            except ApiError:
                pass
            reply = blocked_by_cdn(lowered) or self._answer(call, name, now)
            self.ledger.record(name, reply.status, now)
            return reply

    def state(self) -> dict[str, Any]:
        """Everything the team holds, as JSON-able objects."""
        with self.lock:
            imports.settle(self.team)
            return snapshot(self.team)

    def serve(self, port: int = 0, host: str = "127.0.0.1") -> Server:
        """A server on loopback, to be used as a context manager; port 0 takes a free one."""
        server = Server(self.handle, host, port, self.latency)
        self.url = server.url
        return server

    def adapter(self) -> FakeAdapter:
        """A transport adapter for `requests.Session.mount`: calls without a socket."""
        from .adapter import FakeAdapter  # `requests` is needed by those who call this only

        return FakeAdapter(self.handle)

    def close(self) -> None:
        """Stop delivering webhooks."""
        self._courier.stop()

    def _answer(self, call: Call, name: str, now: int) -> Reply:
        """A reply with the rate-limit headers, spoilt when a fault hits the call."""
        fault = None
        try:
            check_key(call.headers, self.api_keys, self.quirks)
            if not self.limiter.admit(now):
                raise self.limiter.refusal()
            fault = self.faults.take(name)
            if fault is not None and not fault.after_effect:
                reply = fault.reply(None)
            else:
                reply = routes.find(call).handler(self.team, call)
        except ApiError as error:
            reply = error.reply()
            if error.status == 429:
                reply.headers["retry-after"] = "1"
        if fault is not None and fault.after_effect:
            reply = fault.reply(reply)
        if not reply.lost:
            reply.headers.update(self.limiter.headers(now))
        return reply
