"""What the client learns from an answer's headers, and how much of a body it reads."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_resend.client import Client, Reply, errors
from django_resend.client.answers import MAX_BODY_BYTES, retry_after
from tests.client.canned import answer, answering, client_of
from tests.client.wire import Wire, flood, say

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


class Pupil:
    """A throttle that only takes notes."""

    def __init__(self) -> None:
        self.notes: list[object] = []

    def wait(self) -> None:
        self.notes.append("wait")

    def learn(self, reply: Reply) -> None:
        self.notes.append(reply)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 3 ", 3.0),
        ("-4", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:59:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 13:00:30 +0100", 30.0),
        ("Sat, 99 Nov 2026 13:00:30 GMT", None),
        ("Sat, 21 Nov 99999 13:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after(header, NOW.timestamp) == seconds


@given(st.integers(0, 10**6))
def test_both_spellings_of_retry_after_mean_the_same(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(date, NOW.timestamp) == retry_after(str(seconds), NOW.timestamp) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_upsets_the_client(header: str) -> None:
    told = retry_after(header, NOW.timestamp)
    assert told is None or told >= 0


def test_a_rate_limit_tells_how_long_to_wait() -> None:
    body = {"statusCode": 429, "name": "rate_limit_exceeded", "message": "Too many requests"}
    client, canned = answering(429, body, {"retry-after": "7"})
    with pytest.raises(errors.RateLimited) as caught:
        client.contacts.page()
    assert caught.value.retry_after == 7.0
    assert len(canned.requests) == 1


@pytest.mark.parametrize("body", [b"", b"<html>slow down</html>"])
def test_a_429_without_json_is_a_rate_limit(body: bytes) -> None:
    client, _ = answering(429, body)
    with pytest.raises(errors.RateLimited) as caught:
        client.contacts.page()
    assert caught.value.retry_after is None


@pytest.mark.parametrize(
    ("status", "headers", "reply"),
    [
        (
            200,
            {"ratelimit-limit": "10", "ratelimit-remaining": "9", "ratelimit-reset": "1"},
            Reply(200, 10, 9, 1.0, None, None),
        ),
        (
            200,
            {"ratelimit-limit": "600", "ratelimit-policy": "600;w=60"},
            Reply(200, 600, None, None, None, None, window=60.0),
        ),
        (
            200,
            {"ratelimit-limit": "10", "ratelimit-policy": "10;w=0"},
            Reply(200, 10, None, None, None, None, window=1.0),
        ),
        (
            429,
            {"RateLimit-Limit": "10", "RateLimit-Remaining": "0", "Retry-After": "1"},
            Reply(429, 10, 0, None, 1.0, "rate_limit_exceeded"),
        ),
        (
            500,
            {"ratelimit-limit": "many", "ratelimit-remaining": "-1", "ratelimit-reset": "nan"},
            Reply(500, None, 0, None, None, "rate_limit_exceeded"),
        ),
        (201, {}, Reply(201, None, None, None, None, None)),
    ],
)
def test_the_throttle_waits_before_each_call_and_learns_after_it(
    status: int, headers: dict[str, str], reply: Reply
) -> None:
    pupil = Pupil()
    client, _ = client_of(
        lambda _: answer(status, {"name": "rate_limit_exceeded"}, headers), throttle=pupil
    )
    try:
        client.contacts.add_segment("c1", "s1")
    except errors.ResendError as error:
        assert error.status == status
    assert pupil.notes == ["wait", reply]


def test_the_throttle_learns_nothing_from_a_lost_answer(wire: Wire) -> None:
    pupil = Pupil()
    wire.then = say(b"", promised=10)
    with (
        Client("re_test", base_url=wire.url, throttle=pupil) as client,
        pytest.raises(errors.AnswerLost),
    ):
        client.contacts.page()
    assert pupil.notes == ["wait"]


def test_a_throttle_that_refuses_stops_the_call() -> None:
    class Full(Pupil):
        def wait(self) -> None:
            raise TimeoutError("come back later")

    client, canned = client_of(lambda _: answer(), throttle=Full())
    with pytest.raises(TimeoutError):
        client.contacts.page()
    assert canned.requests == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"<html>Log in to this network</html>",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 99_999,
    ],
)
def test_a_success_that_is_no_json_object_is_a_fault_never_data(body: bytes) -> None:
    client, _ = answering(200, body)
    for call in (client.contacts.get, client.contacts.delete, client.webhooks.rotate_secret):
        with pytest.raises(errors.BadAnswer) as caught:
            call("c1")
        assert caught.value.status == 200
        assert caught.value.ambiguous


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"A\\u0000da", "A\ufffdda"),
        (b"Ada \\ud83d", "Ada \ufffd"),
        (b"Ada \xed\xa0\xbd", "Ada \ufffd"),
        (b"Ada \\ud83d\\udc4b", "Ada \U0001f44b"),
        (b"\\u00c4da", "\u00c4da"),
        ("민수".encode(), "민수"),
    ],
)
def test_text_is_read_as_databases_can_keep_it(sent: bytes, read: str) -> None:
    client, _ = answering(200, b'{"id": "c1", "email": "a@b.example", "first_name": "%s"}' % sent)
    row = client.contacts.get("c1")
    assert row.first_name == row.raw["first_name"] == read


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity"])
def test_a_number_that_is_none_is_null(number: bytes) -> None:
    body = b'{"id": "c1", "email": "a@b.example", "properties": {"seats": %s}}' % number
    client, _ = answering(200, body)
    assert client.contacts.get("c1").properties == {"seats": None}


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": ""}, {"id": 5}, {"contact": "c1"}])
def test_a_create_that_names_no_id_is_a_bad_answer(body: object) -> None:
    client, _ = answering(201, body)
    with pytest.raises(errors.BadAnswer):
        client.contacts.create(email="ada@example.org", unsubscribed=True)
    with pytest.raises(errors.BadAnswer):
        client.segments.create("VIP")
    with pytest.raises(errors.BadAnswer):
        client.webhooks.create("https://example.org/", ["contact.created"])


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    client, _ = answering(status, {"id": "c1", "object": "renamed tomorrow"})
    assert client.contacts.create(email="ada@example.org", unsubscribed=False) == "c1"
    assert client.contacts.delete("c1") is True


def test_no_content_is_a_success_where_nothing_is_read() -> None:
    client, _ = answering(204, b"")
    assert client.contacts.delete("c1") is True
    with pytest.raises(errors.BadAnswer):
        client.contacts.get("c1")


def test_a_flood_is_not_read_to_its_end(wire: Wire) -> None:
    wire.then = flood(8 * MAX_BODY_BYTES)
    with Client("re_test", base_url=wire.url) as client:
        tracemalloc.start()
        with pytest.raises(errors.BadAnswer):
            client.contacts.page()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 3 * MAX_BODY_BYTES


def test_a_flood_of_an_error_is_still_that_error(wire: Wire) -> None:
    wire.then = flood(2 * MAX_BODY_BYTES, 429, "Retry-After: 3")
    with (
        Client("re_test", base_url=wire.url) as client,
        pytest.raises(errors.RateLimited) as caught,
    ):
        client.contacts.page()
    assert caught.value.retry_after == 3.0


def test_an_error_whose_body_breaks_off_is_still_that_error(wire: Wire) -> None:
    wire.then = say(b'{"na', 404, promised=50)
    with Client("re_test", base_url=wire.url) as client, pytest.raises(errors.NotFound):
        client.contacts.get("c1")
