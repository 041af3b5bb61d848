"""resend_status: how the mirror stands, without a call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_resend.models import Contact, WebhookEvent
from django_resend.testing import FakeResend

from .helpers import run

pytestmark = pytest.mark.django_db


def test_a_healthy_mirror_exits_0(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=3)
    run("resend_pull")
    resend_fake.ledger.reset()

    outcome = run("resend_status")

    assert outcome.code == 0
    assert resend_fake.ledger.total == 0
    lines = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert "contacts 3" in lines
    assert "waiting to be pushed 0" in lines
    assert any(line.startswith("Last pull: done, begun ") for line in lines)


def test_a_refused_row_exits_1_and_shows_the_vendors_words(resend_fake: FakeResend) -> None:
    contact = Contact.objects.create(email="ada@example.org")
    body = {"statusCode": 422, "name": "validation_error", "message": "Not this one."}
    resend_fake.faults.add(status=422, body=body, route="POST /contacts")
    run("resend_push")

    text, as_json = run("resend_status"), run("resend_status", "--json")

    assert text.code == as_json.code == 1
    assert f"contact {contact.pk}: 422 validation_error Not this one." in text.out
    assert as_json.json["refusals"] == [
        {
            "what": "contact",
            "object_id": contact.pk,
            "status": 422,
            "name": "validation_error",
            "message": "Not this one.",
        }
    ]


def test_its_json_tells_all(resend_fake: FakeResend) -> None:
    Contact.objects.create(email="ada@example.org")
    run("resend_pull")

    told = run("resend_status", "--json").json

    assert told.keys() == {
        "configured",
        "direction",
        "budget",
        "rows",
        "waiting",
        "oldest_waiting",
        "refused",
        "refusals",
        "runs",
        "webhooks",
        "healthy",
    }
    assert (told["configured"], told["direction"], told["healthy"]) == (True, "both", True)
    assert told["rows"]["contacts"] == told["waiting"] == 1
    assert [run["action"] for run in told["runs"]] == ["pull"]


def test_a_missing_key_is_told(settings: Any) -> None:
    settings.RESEND = {"API_KEY": ""}

    assert "No API key is set: nothing is pulled or pushed." in run("resend_status").out


def test_failed_events_and_a_long_silence_exit_1(settings: Any) -> None:
    settings.RESEND = {"API_KEY": "re_test", "WEBHOOK_SECRET": "whsec_YWJj"}
    assert run("resend_status").code == 0

    old = timezone.now() - timedelta(hours=80)
    stored = {"type": "contact.updated", "payload": {}}
    event = WebhookEvent.objects.create(message_id="1", received_at=old, state="applied", **stored)
    outcome = run("resend_status")
    assert outcome.code == 1
    assert "No webhook came for long: see resend_webhook check." in outcome.out

    settings.RESEND = {**settings.RESEND, "WEBHOOK_SILENCE": 100}
    assert run("resend_status").code == 0

    event.state = "failed"
    event.save()
    WebhookEvent.objects.create(message_id="2", **stored)
    outcome = run("resend_status", "--json")
    assert outcome.code == 1
    told = outcome.json["webhooks"]
    assert (told["used"], told["waiting"], told["failed"], told["silent"]) == (True, 1, 1, False)
