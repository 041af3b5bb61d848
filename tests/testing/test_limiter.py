"""The rate limit: strict one-second windows, announced on every reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_resend.testing import Clock, FakeResend

from .caller import HEADERS, Caller, error_of

NOON = 1_790_000_000


def limited(rate: int, kind: str = "fixed") -> tuple[FakeResend, Caller]:
    fake = FakeResend(clock=Clock(NOON), rate_limit=rate, quirks={"rate_window": kind})
    return fake, Caller(fake)


def test_every_reply_announces_the_limit() -> None:
    _, call = limited(3)
    left = []
    for target in ("/contacts", "/contacts/nobody@example.org", "/nowhere", "/contacts"):
        reply = call("GET", target)
        assert reply.headers["ratelimit-limit"] == "3"
        assert reply.headers["ratelimit-policy"] == "3;w=1"
        assert reply.headers["ratelimit-reset"] == "1"
        left.append(reply.headers["ratelimit-remaining"])
    assert left == ["2", "1", "0", "0"]


def test_one_call_too_many_is_refused_until_the_window_has_passed() -> None:
    fake, call = limited(2)
    assert [call("GET", "/contacts").status for _ in range(3)] == [200, 200, 429]
    refused = call("POST", "/segments", {"name": "VIP"})
    assert error_of(refused) == (429, "rate_limit_exceeded")
    assert refused.headers["retry-after"] == "1"
    assert fake.state()["segments"] == []
    fake.clock.advance(1)
    assert call("GET", "/contacts").status == 200


def test_no_limit_announces_a_million() -> None:
    _, call = limited(0)
    statuses = {call("GET", "/contacts").status for _ in range(200)}
    assert statuses == {200}
    assert call("GET", "/contacts").headers["ratelimit-limit"] == "1000000"


@pytest.mark.parametrize(("kind", "status"), [("fixed", 200), ("sliding", 429)])
def test_a_burst_across_a_whole_second_passes_fixed_windows_only(kind: str, status: int) -> None:
    fake, call = limited(2, kind)
    fake.clock.advance(0.9)
    call("GET", "/contacts")
    call("GET", "/contacts")
    fake.clock.advance(0.2)
    assert call("GET", "/contacts").status == status


@given(
    kind=st.sampled_from(["fixed", "sliding"]),
    rate=st.integers(1, 5),
    steps=st.lists(st.floats(0, 1.5, allow_nan=False), max_size=60),
)
def test_no_window_ever_holds_more_than_the_limit(kind: str, rate: int, steps: list[float]) -> None:
    fake, call = limited(rate, kind)
    served: list[int] = []
    for step in steps:
        fake.clock.advance(step)
        if call("GET", "/contacts").status == 200:
            served.append(fake.clock.micros())
    if kind == "fixed":
        windows = [sum(1 for at in served if at // 10**6 == one // 10**6) for one in served]
    else:
        windows = [sum(1 for at in served if 0 <= at - one < 10**6) for one in served]
    assert max(windows, default=0) <= rate
    assert fake.ledger.busiest_second == max(windows, default=0)
    assert fake.ledger.rejected_429 == len(steps) - len(served)


def test_who_has_no_key_uses_nothing_up() -> None:
    _, call = limited(1)
    call("GET", "/contacts", headers={"user-agent": "x"})
    assert call("GET", "/contacts").status == 200


class TestLedger:
    def test_counts_by_route(self) -> None:
        fake, call = limited(0)
        ada = call.contact("ada@example.org")
        call("GET", f"/contacts/{ada}")
        call("GET", "/contacts/ada@example.org")
        call("GET", "/nowhere")
        call("PATCH", f"/contacts/{ada}/topics", [])
        assert fake.ledger.as_dict() == {
            "total": 5,
            "by_route": {
                "POST /contacts": 1,
                "GET /contacts/{id}": 2,
                "(no such route)": 1,
                "PATCH /contacts/{id}/topics": 1,
            },
            "rejected_429": 0,
            "busiest_second": 5,
        }

    def test_counts_refused_calls_apart(self) -> None:
        fake, call = limited(2)
        for _ in range(5):
            call("GET", "/contacts")
        ledger = fake.ledger
        assert (ledger.total, ledger.rejected_429, ledger.busiest_second) == (5, 3, 2)

    def test_starts_again_on_reset_and_leaves_the_state(self) -> None:
        fake, call = limited(0)
        call.contact("ada@example.org")
        fake.ledger.reset()
        assert fake.ledger.total == 0
        assert len(fake.state()["contacts"]) == 1

    def test_does_not_see_the_dashboard(self) -> None:
        fake, _ = limited(0)
        fake.dashboard.create_contact("ada@example.org")
        assert fake.ledger.total == 0


class TestGate:
    """Who gets in: the CDN first, then the key."""

    @pytest.mark.parametrize("agent", [None, "", "Python-urllib/3.12", "python-urllib/3.9"])
    def test_a_missing_or_stock_user_agent_meets_the_cdn(
        self, call: Caller, agent: str | None
    ) -> None:
        headers = {"authorization": "Bearer re_test"} | (
            {} if agent is None else {"user-agent": agent}
        )
        reply = call("GET", "/contacts", headers=headers)
        assert reply.status == 403
        assert b"error code: 1010" in reply.body
        assert "json" not in reply.headers["content-type"]
        assert "ratelimit-limit" not in reply.headers

    @pytest.mark.parametrize(
        ("authorization", "status", "name"),
        [
            (None, 401, "missing_api_key"),
            ("Bearer ", 401, "missing_api_key"),
            ("Basic re_test", 401, "missing_api_key"),
            ("Bearer re_sending", 401, "restricted_api_key"),
            ("Bearer re_wrong", 403, "invalid_api_key"),
        ],
    )
    def test_keys(self, call: Caller, authorization: str | None, status: int, name: str) -> None:
        headers = {"user-agent": "tests/1.0"}
        if authorization is not None:
            headers["authorization"] = authorization
        assert error_of(call("GET", "/contacts", headers=headers)) == (status, name)

    def test_several_keys_open_one_team(self) -> None:
        fake = FakeResend(api_keys=("re_one", "re_two"))
        for key in ("re_one", "re_two"):
            headers = HEADERS | {"Authorization": f"Bearer {key}"}
            assert fake.handle("GET", "/contacts", headers).status == 200
        assert fake.handle("GET", "/contacts", HEADERS).status == 403

    def test_unknown_paths_and_methods(self, call: Caller) -> None:
        assert error_of(call("GET", "/nowhere")) == (404, "not_found")
        assert error_of(call("DELETE", "/contacts/")) == (405, "method_not_allowed")
        assert error_of(call("PUT", "/segments")) == (405, "method_not_allowed")
