"""Every documented refusal has one class, and the class says what to do."""

from __future__ import annotations

import pickle

import pytest

from django_resend.client import errors
from django_resend.client.errors import ResendError, error_class
from tests.client.canned import answering

DOCUMENTED = [
    (400, "validation_error", errors.Refused, "fix"),
    (400, "invalid_idempotency_key", errors.Refused, "fix"),
    (401, "missing_api_key", errors.AccessRefused, "stop"),
    (401, "restricted_api_key", errors.AccessRefused, "stop"),
    (403, "invalid_api_key", errors.AccessRefused, "stop"),
    (403, "restricted_api_key", errors.AccessRefused, "stop"),
    (403, "suspended_api_key", errors.AccessRefused, "stop"),
    (403, "invalid_permission", errors.AccessRefused, "stop"),
    (403, "validation_error", errors.AccessRefused, "stop"),
    (403, "email_above_quota", errors.AccessRefused, "stop"),
    (404, "not_found", errors.NotFound, "fix"),
    (405, "method_not_allowed", errors.MethodNotAllowed, "stop"),
    (409, "concurrent_idempotent_requests", errors.Locked, "retry"),
    (409, "invalid_idempotent_request", errors.Refused, "fix"),
    (409, "resource_locked", errors.Locked, "retry"),
    (422, "missing_required_field", errors.Refused, "fix"),
    (422, "missing_required_parameter", errors.Refused, "fix"),
    (422, "invalid_parameter", errors.Refused, "fix"),
    (422, "validation_error", errors.Refused, "fix"),
    (422, "invalid_attachment", errors.Refused, "fix"),
    (422, "invalid_from_address", errors.Refused, "fix"),
    (422, "invalid_access", errors.Refused, "fix"),
    (422, "invalid_region", errors.Refused, "fix"),
    (429, "rate_limit_exceeded", errors.RateLimited, "retry"),
    (429, "daily_quota_exceeded", errors.QuotaExceeded, "stop"),
    (429, "monthly_quota_exceeded", errors.QuotaExceeded, "stop"),
    (400, "security_error", errors.AccessRefused, "stop"),
    (451, "security_error", errors.AccessRefused, "stop"),
    (500, "application_error", errors.ServerFault, "retry"),
    (500, "internal_server_error", errors.ServerFault, "retry"),
    (502, None, errors.ServerFault, "retry"),
    (503, "service_unavailable", errors.ServerFault, "retry"),
    (504, None, errors.ServerFault, "retry"),
    (520, None, errors.ServerFault, "retry"),
]

BY_STATUS_ALONE = {
    401: errors.AccessRefused,
    403: errors.AccessRefused,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    408: errors.Locked,
    409: errors.Locked,
    425: errors.Locked,
    429: errors.RateLimited,
}

ALL = [
    errors.Unreachable,
    errors.AnswerLost,
    errors.ServerFault,
    errors.BadAnswer,
    errors.BrokenWalk,
    errors.Locked,
    errors.RateLimited,
    errors.QuotaExceeded,
    errors.AccessRefused,
    errors.UserAgentRefused,
    errors.MethodNotAllowed,
    errors.NotFound,
    errors.Refused,
]


@pytest.mark.parametrize(("status", "name", "kind", "verdict"), DOCUMENTED)
def test_a_documented_refusal_raises_its_class(
    status: int, name: str | None, kind: type[ResendError], verdict: str
) -> None:
    body = {"message": "Whatever.", "statusCode": status, "name": name} if name else b"<html>"
    client, _ = answering(status, body)

    with pytest.raises(ResendError) as caught:
        client.contacts.update("c1", {"first_name": "Ada"})

    error = caught.value
    assert type(error) is kind
    assert error.verdict == verdict
    assert (error.status, error.name) == (status, name)
    assert error.message == ("Whatever." if name else "")


@pytest.mark.parametrize("name", [None, "", "a_name_of_tomorrow", "not_found", "rate_limit"])
@pytest.mark.parametrize("status", range(400, 600))
def test_an_unknown_name_is_decided_by_status_alone(status: int, name: str | None) -> None:
    by_family = errors.ServerFault if status >= 500 else errors.Refused
    assert error_class(status, name) is BY_STATUS_ALONE.get(status, by_family)


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308, 600, 999])
def test_a_status_the_api_does_not_use_is_no_answer_of_it(status: int) -> None:
    client, _ = answering(status, b"", {"Location": "https://elsewhere.example/"})
    with pytest.raises(errors.BadAnswer, match="check the base URL"):
        client.contacts.get("c1")


def test_a_message_never_decides() -> None:
    body = {"name": "validation_error", "message": "not_found daily_quota_exceeded 1010"}
    for status in (403, 422):
        client, _ = answering(status, body)
        with pytest.raises(ResendError) as caught:
            client.contacts.get("c1")
        assert type(caught.value) is error_class(status, "validation_error")


@pytest.mark.parametrize(
    "body",
    [
        b"error code: 1010",
        b"error code: 1010\n",
        b"<html><title>Access denied</title>Error Code: 1010</html>",
        b"<h1>Error 1010</h1>",
    ],
)
def test_the_cdn_refusing_the_user_agent_says_so(body: bytes) -> None:
    client, _ = answering(403, body)
    with pytest.raises(errors.UserAgentRefused, match="User-Agent") as caught:
        client.contacts.get("c1")
    assert caught.value.verdict == "stop"


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, b"error code: 1020"), (403, b"order 10101"), (401, b"error code: 1010"), (403, b"")],
)
def test_other_refusals_of_the_cdn_are_plain_refusals(status: int, body: bytes) -> None:
    client, _ = answering(status, body)
    with pytest.raises(errors.AccessRefused) as caught:
        client.contacts.get("c1")
    assert type(caught.value) is errors.AccessRefused


def test_only_the_calls_that_may_have_happened_are_ambiguous() -> None:
    ambiguous = {kind for kind in ALL if kind.ambiguous}
    assert ambiguous == {errors.AnswerLost, errors.ServerFault, errors.BadAnswer}


@pytest.mark.parametrize("kind", ALL)
def test_an_error_survives_pickling(kind: type[ResendError]) -> None:
    error = kind(
        "Slow down.", method="GET", route="/contacts", status=429, name="n", retry_after=1.5
    )
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own pickle
    assert type(copy) is kind
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


def test_an_error_is_one_sentence_with_what_the_vendor_said() -> None:
    client, _ = answering(
        422, {"statusCode": 422, "name": "validation_error", "message": "Too\n long. "}
    )
    with pytest.raises(errors.Refused) as caught:
        client.contacts.get("ada@example.org")
    assert str(caught.value) == (
        "Resend refused the request (GET /contacts/{contact}): 422 validation_error: Too long."
    )


def test_a_long_message_is_cut() -> None:
    client, _ = answering(422, {"message": "x" * 100_000, "name": "y" * 100_000})
    with pytest.raises(errors.Refused) as caught:
        client.contacts.get("c1")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"name": 5, "message": {"a": 1}}',
        b'{"name": null, "message": null}',
    ],
)
def test_an_error_body_of_any_shape_leaves_the_status_in_charge(body: bytes) -> None:
    client, _ = answering(422, body)
    with pytest.raises(errors.Refused) as caught:
        client.contacts.get("c1")
    assert caught.value.name is None


def test_a_404_proves_absence_only_when_the_api_says_it() -> None:
    told, _ = answering(404, {"statusCode": 404, "name": "not_found", "message": "Gone"})
    with pytest.raises(errors.NotFound) as caught:
        told.contacts.get("c1")
    assert caught.value.proves_absence
    assert told.contacts.delete("c1") is False

    proxy, _ = answering(404, b"<html>404</html>")
    with pytest.raises(errors.NotFound) as page:
        proxy.contacts.delete("c1")
    assert not page.value.proves_absence
