"""Faults to order: before or after the effect, in process, over HTTP and through `requests`."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from django_resend.testing import FakeResend

from .caller import HEADERS, Caller, error_of

ADA = {"email": "ada@example.org"}


def names(fake: FakeResend) -> list[str]:
    return [row["email"] for row in fake.state()["contacts"]]


@pytest.mark.parametrize("after", [False, True])
def test_an_error_comes_before_or_after_the_effect(
    fake: FakeResend, call: Caller, after: bool
) -> None:
    fake.faults.add(status=500, after_effect=after)
    assert error_of(call("POST", "/contacts", ADA)) == (500, "internal_server_error")
    assert names(fake) == (["ada@example.org"] if after else [])
    assert call("POST", "/contacts", ADA).status == 201


def test_a_fault_hits_the_named_route_so_many_times(fake: FakeResend, call: Caller) -> None:
    fake.faults.add(status=503, route="PATCH /contacts/{id_or_email}", times=2)
    ada = call.contact("ada@example.org")
    assert [call("PATCH", f"/contacts/{ada}", {}).status for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize(
    ("order", "status", "kind", "body"),
    [
        ({"kind": "html"}, 502, "text/html", b"<html>"),
        ({"kind": "html", "status": 429}, 429, "text/html", b"<html>"),
        ({"status": 500, "body": "oops"}, 500, "text/html", b"oops"),
        ({"status": 200, "body": {"odd": 1}}, 200, "application/json", b'"odd"'),
        ({"kind": "429"}, 429, "application/json", b"rate_limit_exceeded"),
        ({"kind": "quota"}, 429, "application/json", b"daily_quota_exceeded"),
        ({"status": 422, "name": "odd"}, 422, "application/json", b"odd"),
    ],
)
def test_kinds_of_replies(
    fake: FakeResend, call: Caller, order: dict[str, Any], status: int, kind: str, body: bytes
) -> None:
    fake.faults.add(**order)
    reply = call("GET", "/contacts")
    assert reply.status == status
    assert reply.headers["content-type"].startswith(kind)
    assert body in reply.body


def test_a_rate_limit_fault_says_when_to_come_back(fake: FakeResend, call: Caller) -> None:
    fake.faults.add("429", headers={"retry-after": "7"})
    fake.faults.add("quota")
    assert call("GET", "/contacts").headers["retry-after"] == "7"
    assert "retry-after" not in call("GET", "/contacts").headers


def test_an_unknown_kind_is_refused(fake: FakeResend) -> None:
    with pytest.raises(ValueError, match="timeout"):
        fake.faults.add("earthquake")


@pytest.fixture
def session(fake: FakeResend) -> requests.Session:
    session = requests.Session()
    session.headers.update(HEADERS)
    session.mount("http://fake.test", fake.adapter())
    return session


class TestRequestsAdapter:
    URL = "http://fake.test/contacts"

    def test_calls_the_fake_without_a_socket(self, session: requests.Session) -> None:
        made = session.post(self.URL, json=ADA, timeout=1)
        assert (made.status_code, made.json()["object"]) == (201, "contact")
        listed = session.get(self.URL, params={"limit": 5}, timeout=1)
        assert [row["email"] for row in listed.json()["data"]] == ["ada@example.org"]
        assert listed.headers["RateLimit-Policy"] == "1000000;w=1"

    def test_sends_files(self, session: requests.Session) -> None:
        files = {"file": ("people.csv", b"email\nann@example.org\n", "text/csv")}
        reply = session.post(f"{self.URL}/imports", files=files, timeout=1)
        assert reply.status_code == 201

    @pytest.mark.parametrize(
        ("kind", "error"),
        [("timeout", requests.ReadTimeout), ("drop", requests.ConnectionError)],
    )
    @pytest.mark.parametrize("after", [False, True])
    def test_lost_answers(
        self,
        fake: FakeResend,
        session: requests.Session,
        kind: str,
        error: type[Exception],
        after: bool,
    ) -> None:
        fake.faults.add(kind, after_effect=after)
        with pytest.raises(error):
            session.post(self.URL, json=ADA, timeout=1)
        assert names(fake) == (["ada@example.org"] if after else [])

    def test_a_slow_answer_is_late_only_for_the_impatient(
        self, fake: FakeResend, session: requests.Session
    ) -> None:
        fake.faults.add("slow", seconds=2, times=2)
        assert session.get(self.URL, timeout=(1, 3)).status_code == 200
        with pytest.raises(requests.ReadTimeout):
            session.get(self.URL, timeout=(1, 1))


class TestOverHttp:
    @pytest.mark.parametrize(
        ("kind", "error"),
        [("timeout", requests.ReadTimeout), ("drop", requests.ConnectionError)],
    )
    def test_lost_answers(self, fake: FakeResend, kind: str, error: type[Exception]) -> None:
        fake.faults.add(kind, after_effect=True)
        with fake.serve() as server, pytest.raises(error):
            requests.post(f"{server.url}/contacts", json=ADA, headers=HEADERS, timeout=0.2)
        assert names(fake) == ["ada@example.org"]

    def test_a_slow_answer_comes(self, fake: FakeResend) -> None:
        fake.faults.add("slow", seconds=0.05)
        with fake.serve() as server:
            reply = requests.get(f"{server.url}/contacts", headers=HEADERS, timeout=5)
        assert reply.status_code == 200
        assert reply.elapsed.total_seconds() >= 0.05

    def test_latency_is_added_to_every_answer(self) -> None:
        with FakeResend(latency_ms=30).serve() as server:
            reply = requests.get(f"{server.url}/contacts", headers=HEADERS, timeout=5)
        assert reply.elapsed.total_seconds() >= 0.03
