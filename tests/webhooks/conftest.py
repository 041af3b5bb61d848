"""A site with a secret, and the fake's webhooks on their way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from django_resend.models import WebhookEvent
from django_resend.sync.events import EventsReport, apply_events
from django_resend.testing import FakeResend
from django_resend.testing.webhooks import Delivery

Post = Callable[[bytes, dict[str, str]], int]


def post(body: bytes, headers: dict[str, str]) -> int:
    """POST a webhook to the site, as Resend does; returns the status."""
    kind = headers.get("content-type", "application/json")
    rest = {name: value for name, value in headers.items() if name != "content-type"}
    answer = Client().post("/resend/webhook/", body, content_type=kind, headers=rest)
    return answer.status_code


class Hooks:
    """The fake's webhooks: delivered when told, and applied."""

    def __init__(self, fake: FakeResend) -> None:
        self.fake = fake

    def deliver(self) -> None:
        """Everything that is pending, in order."""
        self.fake.webhooks.deliver(post)

    def send(self, delivery: Delivery) -> None:
        """One of them, again or late."""
        status = post(delivery.body, delivery.signed(self.fake.clock.micros()))
        self.fake.webhooks.record(delivery, status)

    def hold(self) -> list[Delivery]:
        """Take what is pending away from ``deliver``, to be sent later or never."""
        held = self.fake.webhooks.pending()
        for one in held:
            one.status = "lost"
        return held

    def apply(self) -> EventsReport:
        """Deliver and apply; nothing may be left waiting."""
        self.deliver()
        self.fake.ledger.reset()
        report = apply_events()
        assert not WebhookEvent.objects.filter(state="received").exists()
        return report


@pytest.fixture
def hooks(resend_fake: FakeResend, settings: Any) -> Hooks:
    """The site knows the fake's secret."""
    settings.RESEND = {**settings.RESEND, "WEBHOOK_SECRET": resend_fake.webhooks.secret}
    return Hooks(resend_fake)


@contextmanager
def later(**span: float) -> Iterator[None]:
    """Some time on, an hour unless told: the last push and pull are long past."""
    with time_machine.travel(timezone.now() + timedelta(**(span or {"hours": 1}))):
        yield


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between the tries of a call, in seconds: noted here instead of slept."""
    slept: list[float] = []
    monkeypatch.setattr("django_resend.sync.calls.sleep", slept.append)
    return slept
