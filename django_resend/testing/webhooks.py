"""Outgoing webhooks: written down, signed, and handed to whoever delivers them.

Source: Resend docs: Verify webhook requests (the Svix scheme); retries: Resend docs: Webhooks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock, iso_text
from .records import Webhook

DEFAULT_SECRET = "whsec_" + base64.b64encode(b"fake-resend-webhook-secret-00001").decode()
RETRY_AFTER = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
KEPT = 20_000
CONTACT_EVENTS = ("contact.created", "contact.updated", "contact.deleted")

Post = Callable[[bytes, dict[str, str]], int]


@dataclass(slots=True)
class Attempt:
    """One try to deliver. `status` is the HTTP status, 0 when nobody answered."""

    id: str
    sent_at: int
    status: int
    response: str = ""


@dataclass(slots=True, eq=False)
class Delivery:
    """One event on its way to one endpoint (None: it is only collected)."""

    id: str
    type: str
    body: bytes
    secret: str
    created_at: int
    endpoint: str | None = None
    webhook_id: str | None = None
    status: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    next_attempt_at: int | None = None

    @property
    def payload(self) -> dict[str, Any]:
        """The event as Python objects: type, created_at, data."""
        payload: dict[str, Any] = json.loads(self.body)
        return payload

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.payload["data"]
        return data

    @property
    def headers(self) -> dict[str, str]:
        """The headers as signed when the event happened."""
        return self.signed(self.created_at)

    def signed(self, micros: int) -> dict[str, str]:
        """The headers of an attempt made at that moment."""
        timestamp = str(micros // 1_000_000)
        return {
            "content-type": "application/json",
            "user-agent": "Svix-Webhooks/1.0",
            "svix-id": self.id,
            "svix-timestamp": timestamp,
            "svix-signature": sign(self.secret, self.id, timestamp, self.body),
        }


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The `v1,...` signature of one message."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Webhooks:
    """All deliveries, oldest first (the last 20,000), and what a bad network does to them.

    Without `url` deliveries stay pending until `deliver` hands them to a function.
    """

    def __init__(self, clock: Clock, url: str | None = None, secret: str | None = None) -> None:
        self.url = url
        self.secret = secret or DEFAULT_SECRET
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT)
        self.on_queued: Callable[[Delivery], None] | None = None
        self._clock = clock
        self._to_lose = 0

    def publish(
        self, event: str, data: dict[str, Any], subscribers: Iterable[Webhook] = ()
    ) -> None:
        """Write the event down for the standing endpoint and every subscribed one."""
        now = self._clock.micros()
        message_id = f"msg_{uuid.uuid4().hex}"
        payload = {"type": event, "created_at": iso_text(now), "data": data}
        body = json.dumps(payload, separators=(",", ":")).encode()
        self._queue(Delivery(message_id, event, body, self.secret, now, self.url))
        for webhook in subscribers:
            if webhook.status == "enabled" and event in webhook.events:
                self._queue(
                    Delivery(
                        message_id,
                        event,
                        body,
                        webhook.signing_secret,
                        now,
                        webhook.endpoint,
                        webhook.id,
                    )
                )

    def of(self, *types: str) -> list[Delivery]:
        """Collected deliveries of these types (all without any), oldest first."""
        return [one for one in list(self.deliveries) if not types or one.type in types]

    def pending(self) -> list[Delivery]:
        """What still waits for a 2xx."""
        return [one for one in list(self.deliveries) if one.status in ("pending", "attempting")]

    def lose(self, count: int = 1) -> None:
        """The next so many deliveries never arrive anywhere."""
        self._to_lose += count

    def replay(self, delivery: Delivery) -> Delivery:
        """Send a delivery again under its old id, as the dashboard's replay does."""
        delivery.status = "pending"
        delivery.next_attempt_at = self._clock.micros()
        self._offer(delivery)
        return delivery

    def deliver(
        self,
        post: Post,
        *,
        webhook_id: str | None = None,
        shuffle: random.Random | None = None,
        duplicate: bool = False,
    ) -> int:
        """Hand what is pending to `post(body, headers) -> status`, and say how many it took.

        That is what the standing endpoint has not had yet, or a registered one with `webhook_id`.
        In any order with `shuffle`, each twice with `duplicate`.
        """
        waiting = [one for one in self.pending() if one.webhook_id == webhook_id]
        waiting *= 2 if duplicate else 1
        if shuffle is not None:
            shuffle.shuffle(waiting)
        for delivery in waiting:
            self.record(delivery, post(delivery.body, delivery.signed(self._clock.micros())))
        return len(waiting)

    def record(self, delivery: Delivery, status: int, response: str = "") -> None:
        """Note an attempt's result and when to try again."""
        now = self._clock.micros()
        delivery.attempts.append(Attempt(f"atmpt_{uuid.uuid4().hex}", now, status, response))
        tries = len(delivery.attempts)
        if 200 <= status < 300:
            delivery.status, delivery.next_attempt_at = "success", None
        elif tries > len(RETRY_AFTER):
            delivery.status, delivery.next_attempt_at = "failed", None
        else:
            delivery.status = "attempting"
            delivery.next_attempt_at = now + RETRY_AFTER[tries - 1] * 1_000_000

    def clear(self) -> None:
        self.deliveries.clear()
        self._to_lose = 0

    def _queue(self, delivery: Delivery) -> None:
        delivery.next_attempt_at = delivery.created_at
        self.deliveries.append(delivery)
        if self._to_lose:
            self._to_lose -= 1
            delivery.status = "lost"
            return
        self._offer(delivery)

    def _offer(self, delivery: Delivery) -> None:
        if self.on_queued is not None and delivery.endpoint is not None:
            self.on_queued(delivery)
