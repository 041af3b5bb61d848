"""The thread that POSTs webhooks to loopback endpoints and retries until one answers 2xx."""

from __future__ import annotations

import http.client
import threading
from urllib.parse import urlsplit

from .clock import Clock
from .webhooks import Delivery, Webhooks

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PATIENCE = 15.0
_TICK = 0.1


class Courier:
    """Delivers until stopped. Retries come due by the fake's clock, so tests can move to them."""

    def __init__(self, webhooks: Webhooks, clock: Clock) -> None:
        self._webhooks = webhooks
        self._clock = clock
        self._waiting: list[Delivery] = []
        self._change = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None
        webhooks.on_queued = self.accept

    def accept(self, delivery: Delivery) -> None:
        """Take a delivery over, if it goes to this machine: nothing else is ever called."""
        if urlsplit(delivery.endpoint or "").hostname not in _LOOPBACK:
            return
        with self._change:
            self._waiting.append(delivery)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._change.notify()

    def stop(self) -> None:
        with self._change:
            self._stopped = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()

    def forget(self) -> None:
        """Drop what waits."""
        with self._change:
            self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._change:
                due = self._take_due()
                if not due and not self._stopped:
                    self._change.wait(_TICK if self._waiting else None)
                if self._stopped:
                    return
            for delivery in due:
                self._attempt(delivery)

    def _take_due(self) -> list[Delivery]:
        now = self._clock.micros()
        due = [one for one in self._waiting if (one.next_attempt_at or 0) <= now]
        self._waiting = [one for one in self._waiting if (one.next_attempt_at or 0) > now]
        return due

    def _attempt(self, delivery: Delivery) -> None:
        status, answer = _post(delivery, delivery.signed(self._clock.micros()))
        self._webhooks.record(delivery, status, answer)
        if delivery.status == "attempting":
            with self._change:
                self._waiting.append(delivery)


def _post(delivery: Delivery, headers: dict[str, str]) -> tuple[int, str]:
    """POST once; a redirect is an answer like any other, and no answer is status 0."""
    address = urlsplit(delivery.endpoint or "")
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=_PATIENCE)
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    try:
        connection.request("POST", target, delivery.body, headers)
        response = connection.getresponse()
        return response.status, response.read(1_000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, type(error).__name__
    finally:
        connection.close()
