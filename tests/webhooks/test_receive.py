"""The endpoint takes what Resend signed, once, and nothing else."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from standardwebhooks import Webhook

from django_resend.models import WebhookEvent
from django_resend.sync.errors import NotConfigured
from django_resend.sync.events import apply_events
from django_resend.testing.webhooks import sign
from django_resend.webhooks.signature import BadSignature, verify
from django_resend.webhooks.views import receive

from .conftest import post as deliver

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
        # The published library signs only text.
        "svix-signature": sign(secret, id, str(int(now.timestamp())), body),
        **changed,
    }
    headers = {name: value for name, value in headers.items() if value}
    # Raises what the view does: no traceback may come of anything sent.
    return deliver(body, headers)


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
def test_what_the_published_library_signed_is_accepted(secret: str) -> None:
    body = json.dumps(EVENT).encode()
    signature = Webhook(secret).sign("msg_1", datetime.now(UTC), body.decode())
    assert post(body, **{"svix-signature": signature}) == 204


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
        (b"", {}),
        (b"\xff\xfe", {}),
        (b"[1]", {}),
        (b"null", {}),
        (b'"contact.updated"', {}),
        (b'{"type":7}', {}),
        (b'{"type":null}', {}),
        (b'{"type":"x","data":NaN}', {}),
        (b'{"type":"x","data":-Infinity}', {}),
        (b'{"type":"x","data":1e999}', {}),
        (b'{"type":"x","data":' + b"9" * 5000 + b"}", {}),
        (b'{"type":"x","data":' + b"[" * 30 + b"]" * 30 + b"}", {}),
        (b'{"type":"x","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {}),
        (b"{}", {"svix-signature": "v1,AAAA"}),
        (b"{}", {"svix-signature": "v9,AAAA nonsense v1"}),
        (b"{}", {"svix-signature": "v1," + "A" * 20 + " v1,B" * 200}),
        (b"{}", {"svix-timestamp": "12e4"}),
        (b"{}", {"svix-timestamp": "9" * 4000}),
        (b"{}", {"svix-signature": "v1,\xff\xfe"}),
        (b"{}", {"svix-signature": " ".join(["v1," + "A" * 43 + "="] * 100)}),
        (b"{}", {"svix-id": "x" * 256}),
        (b"{}", {"svix-id": "msg\x00"}),
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


def test_the_right_one_of_a_hundred_signatures_will_do() -> None:
    body = json.dumps(EVENT).encode()
    right = Webhook(SECRET).sign("msg_1", datetime.now(UTC), body.decode())
    wrong = ["v1," + "A" * 43 + "="] * 99
    assert post(body, **{"svix-signature": " ".join([*wrong, right])}) == 204


def test_the_other_names_of_the_headers_will_do_too() -> None:
    body, now = json.dumps(EVENT).encode(), datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", now, body.decode())
    names = {"id": "msg_1", "timestamp": str(int(now.timestamp())), "signature": signature}
    assert deliver(body, {f"webhook-{name}": value for name, value in names.items()}) == 204


@pytest.mark.parametrize("text", ["\\u0000", "a\\u0000b", "\\ud83d", "\\udc00x", "\\\\u0000"])
def test_text_that_a_database_cannot_keep_is_kept_without_it(text: str) -> None:
    body = b'{"type":"inbox.%s","data":{"%s":["%s"]}}' % ((text.encode(),) * 3)
    assert post(body) == 204
    event = WebhookEvent.objects.get()
    assert "\0" not in event.type
    assert json.dumps(event.payload)


@pytest.mark.parametrize(
    "moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-13-01", 7, None, {}]
)
def test_an_impossible_moment_is_no_moment(moment: Any) -> None:
    assert post(json.dumps({"type": "x", "created_at": moment}).encode()) == 204
    assert WebhookEvent.objects.get().happened_at is None


def test_an_event_is_dated_by_the_change_it_tells_of() -> None:
    data = {"updated_at": "2026-09-21T13:33:19.900Z"}
    assert post(json.dumps({**EVENT, "data": data}).encode()) == 204
    happened_at = WebhookEvent.objects.get().happened_at
    assert happened_at is not None
    assert happened_at.isoformat() == "2026-09-21T13:33:19.900000+00:00"


def test_the_database_itself_keeps_duplicates_out() -> None:
    assert post(json.dumps(EVENT).encode()) == 204
    stored = WebhookEvent.objects.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        WebhookEvent(message_id=stored.message_id, type="x", payload={}).save()


def test_a_body_whose_length_is_nonsense_is_refused(rf: Any) -> None:
    request = rf.post("/resend/webhook/", b"{}", content_type="application/json")
    request.META["CONTENT_LENGTH"] = "²"
    assert receive(request).status_code == 400


def test_a_body_whose_length_nobody_told_is_measured(rf: Any) -> None:
    request = rf.post("/resend/webhook/", b"x" * 300_000, content_type="application/json")
    _ = request.body
    del request.META["CONTENT_LENGTH"]
    assert receive(request).status_code == 413


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
branches = st.lists(leaves, max_size=3) | st.dictionaries(st.text(), leaves, max_size=3)
json_values = (
    leaves
    | branches
    | st.lists(branches, max_size=2)
    | st.dictionaries(st.text(), branches, max_size=2)
)
types = (
    st.sampled_from(
        [
            "contact.created",
            "contact.updated",
            "contact.deleted",
            "contact.topics.updated",
            "topic.created",
            "topic.deleted",
            "suppression.added",
            "suppression.removed",
            "other",
        ]
    )
    | st.text()
)
contact_like = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["c-1", "..", ""]) | json_values,
        "email": st.sampled_from(["ada@example.org", "x" * 400 + "@e.org"]) | json_values,
        "first_name": json_values,
        "unsubscribed": json_values,
        "segment_ids": json_values,
        "updated_at": st.sampled_from(["2026-09-21T13:33:19Z", "9999-12-31T23:59:59-14:00"])
        | json_values,
        "created_at": json_values,
        "topics": st.lists(
            st.fixed_dictionaries({"id": json_values, "subscription": json_values}), max_size=2
        )
        | json_values,
        "origin": json_values,
    },
)
payloads = st.fixed_dictionaries(
    {"type": types}, optional={"data": contact_like | json_values, "created_at": json_values}
)


@override_settings(RESEND={"API_KEY": "", "WEBHOOK_SECRET": SECRET})
class Fuzz(TestCase):
    """Whatever comes, signed or not, ends in an answer and in no traceback."""

    @given(body=st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
    def test_any_signed_body_is_answered(self, body: bytes) -> None:
        assert post(body) in (204, 400)

    @given(
        headers=st.dictionaries(
            st.sampled_from(["svix-id", "svix-timestamp", "svix-signature"]),
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=200),
        ),
        body=st.binary(),
    )
    def test_any_headers_are_refused_without_a_trace(
        self, headers: dict[str, str], body: bytes
    ) -> None:
        assert post(body, **headers) in (204, 400)
        if headers:
            assert not WebhookEvent.objects.exists()

    @given(payload=payloads)
    def test_any_event_is_stored_and_settled_or_left(self, payload: dict[str, Any]) -> None:
        try:
            body = json.dumps(payload, allow_nan=False).encode()
        except ValueError:
            return
        status = post(body)
        assert status in (204, 400)
        # It would ask Resend, and there is no key here.
        with suppress(NotConfigured):
            apply_events()
        if status == 204:
            event = WebhookEvent.objects.get()
            assert event.state in ("applied", "ignored", "failed") or event.attempts == 0
