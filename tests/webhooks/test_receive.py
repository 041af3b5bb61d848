"""The endpoint takes what Resend signed, once, and nothing else."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from standardwebhooks import Webhook

from django_resend.models import WebhookEvent
from django_resend.webhooks.signature import BadSignature, verify

SECRET = "whsec_bWlycm9yLXRlc3Qtc2VjcmV0LTAxMjM0NTY3ODlhYmM="
OTHER = "whsec_YW5vdGhlci10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5YWI="
EVENT = {
    "type": "contact.updated",
    "created_at": "2026-09-21T13:33:20.000Z",
    "data": {"email": "ada@example.org"},
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def secrets(settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "WEBHOOK_SECRET": [OTHER, SECRET]}


def post(body: bytes, *, secret: str = SECRET, id: str = "msg_1", **changed: str) -> int:
    now = datetime.now(UTC)
    headers = {
        "svix-id": id,
        "svix-timestamp": str(int(now.timestamp())),
        "svix-signature": Webhook(secret).sign(id, now, body.decode("utf-8", "surrogateescape")),
        **changed,
    }
    headers = {name: value for name, value in headers.items() if value}
    response = Client().post(
        "/resend/webhook/", body, content_type="application/json", headers=headers
    )
    return response.status_code


def test_the_published_vector_is_accepted() -> None:
    headers = {
        "svix-id": "msg_2mirrorTestVector0001",
        "svix-timestamp": "1790000000",
        "svix-signature": "v1,D6KPvvXv+Q253XvFKG6qJd9mp24DIBQDjhSb/LGGu80=",
    }
    body = json.dumps(EVENT, separators=(",", ":")).encode()
    assert verify(headers, body, [SECRET], now=1790000000) == "msg_2mirrorTestVector0001"
    with pytest.raises(BadSignature):
        verify(headers, body + b" ", [SECRET], now=1790000000)


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_a_signed_event_is_stored_once(secret: str) -> None:
    body = json.dumps(EVENT).encode()
    assert [post(body, secret=secret), post(body, secret=secret)] == [204, 204]
    event = WebhookEvent.objects.get()
    assert (event.type, event.payload, event.state) == ("contact.updated", EVENT, "received")


@pytest.mark.parametrize("header", ["svix-id", "svix-timestamp", "svix-signature"])
def test_a_missing_header_is_refused(header: str) -> None:
    assert post(b"{}", **{header: ""}) == 400
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (b'{"type":"x"', {}),
        (b"[1]", {}),
        (b'{"type":7}', {}),
        (b"{}", {"svix-signature": "v1,AAAA"}),
        (b"{}", {"svix-signature": "v9,AAAA nonsense v1"}),
        (b"{}", {"svix-signature": "v1," + "A" * 20 + " v1,B" * 200}),
        (b"{}", {"svix-timestamp": "12e4"}),
        (b"{}", {"svix-timestamp": "9" * 4000}),
        (b"{}", {"svix-signature": "v1,\xff\xfe"}),
    ],
)
def test_what_is_not_proved_leaves_no_trace(body: bytes, changed: dict[str, str]) -> None:
    assert post(body, **changed) == 400
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(("drift", "status"), [(-301, 400), (301, 400), (-299, 204), (299, 204)])
def test_stale_and_future_timestamps_are_refused(drift: int, status: int) -> None:
    now = int(time.time())
    body = json.dumps(EVENT).encode()
    signature = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(now, UTC), body.decode())
    with time_machine.travel(now + drift, tick=False):
        sent = {"svix-timestamp": str(now), "svix-signature": signature}
        assert post(body, **sent) == status


def test_a_wrong_secret_is_refused() -> None:
    assert post(b'{"type":"x"}', secret="whsec_" + "d3Jvbmc=" * 4) == 400


def test_a_body_too_large_is_refused_unread() -> None:
    assert post(b'{"type":"' + b"x" * 10_000_000 + b'"}') == 413


def test_other_methods_are_refused() -> None:
    assert Client().get("/resend/webhook/").status_code == 405
