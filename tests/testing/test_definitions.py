"""Segments, topics and contact properties: their limits and what is fixed for ever."""

from __future__ import annotations

from typing import Any

import pytest

from .caller import Caller, error_of

ABSENT = "00000000-0000-0000-0000-000000000000"
TOPIC = {"name": "News", "default_subscription": "opt_in"}
PROPERTY = {"key": "plan", "type": "string"}


@pytest.mark.parametrize(
    ("target", "body", "name"),
    [
        ("/segments", {}, "missing_required_field"),
        ("/segments", {"name": 5}, "validation_error"),
        ("/topics", {"name": "News"}, "missing_required_field"),
        ("/topics", TOPIC | {"name": "x" * 51}, "validation_error"),
        ("/topics", TOPIC | {"description": "x" * 201}, "validation_error"),
        ("/topics", TOPIC | {"default_subscription": "maybe"}, "validation_error"),
        ("/topics", TOPIC | {"visibility": "hidden"}, "validation_error"),
        ("/contact-properties", {"key": "plan"}, "missing_required_field"),
        ("/contact-properties", PROPERTY | {"key": "x" * 51}, "validation_error"),
        ("/contact-properties", PROPERTY | {"key": "a-b"}, "validation_error"),
        ("/contact-properties", PROPERTY | {"key": "EMAIL"}, "validation_error"),
        ("/contact-properties", PROPERTY | {"type": "boolean"}, "validation_error"),
        ("/contact-properties", PROPERTY | {"fallback_value": 5}, "validation_error"),
    ],
)
def test_definitions_that_are_refused(
    call: Caller, target: str, body: dict[str, Any], name: str
) -> None:
    assert error_of(call("POST", target, body)) == (422, name)


@pytest.mark.parametrize(
    ("target", "method"),
    [
        ("/segments", "GET"),
        ("/segments", "PATCH"),
        ("/topics", "GET"),
        ("/topics", "PATCH"),
        ("/topics", "DELETE"),
        ("/contact-properties", "GET"),
        ("/contact-properties", "PATCH"),
        ("/contact-properties", "DELETE"),
        ("/contacts/imports", "GET"),
        ("/webhooks", "GET"),
        ("/webhooks", "DELETE"),
    ],
)
def test_an_unknown_id_is_404_and_a_malformed_one_422(
    call: Caller, target: str, method: str
) -> None:
    assert error_of(call(method, f"{target}/{ABSENT}", {})) == (404, "not_found")
    assert error_of(call(method, f"{target}/xyz", {})) == (422, "invalid_parameter")


def test_two_segments_may_have_one_name(call: Caller) -> None:
    assert call.segment("VIP") != call.segment("VIP")


def test_a_segment_is_deleted_though_it_never_existed(call: Caller) -> None:
    assert call("DELETE", f"/segments/{ABSENT}").json()["deleted"] is True


def test_a_topic_s_default_is_fixed_for_ever(call: Caller) -> None:
    topic = call.topic("News", "opt_in")
    change = {"default_subscription": "opt_out", "visibility": "public"}
    assert call("PATCH", f"/topics/{topic}", change).status == 200
    row = call.get(f"/topics/{topic}")
    assert (row["default_subscription"], row["visibility"]) == ("opt_in", "public")


def test_only_the_fallback_of_a_property_changes(call: Caller) -> None:
    plan = call.define("plan", fallback="free")
    change = {"key": "tariff", "type": "number", "fallback_value": None}
    assert call("PATCH", f"/contact-properties/{plan}", change).status == 200
    row = call.get(f"/contact-properties/{plan}")
    assert (row["key"], row["type"], row["fallback_value"]) == ("plan", "string", None)
    wrong = call("PATCH", f"/contact-properties/{plan}", {"fallback_value": 5})
    assert error_of(wrong) == (422, "validation_error")


def test_keys_differ_by_letter_case_and_a_second_definition_is_refused(call: Caller) -> None:
    assert call.define("plan") != call.define("Plan")
    assert error_of(call("POST", "/contact-properties", PROPERTY)) == (422, "validation_error")


@pytest.mark.parametrize(
    ("events", "endpoint"),
    [
        (None, "https://site.example/"),
        ([], "https://site.example/"),
        (["contact.exploded"], "https://site.example/"),
        (["contact.created"], "http://site.example/"),
        (["contact.created"], None),
    ],
)
def test_webhooks_that_are_refused(
    call: Caller, events: list[str] | None, endpoint: str | None
) -> None:
    assert call("POST", "/webhooks", {"events": events, "endpoint": endpoint}).status == 422
