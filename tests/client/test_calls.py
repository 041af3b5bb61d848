"""What each method sends, and what it refuses to send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_resend.client import Client
from tests.client.canned import BASE_URL, answering, sent_json

Call = Callable[[Client], Any]

SENT: list[tuple[Call, str, str, Any]] = [
    (
        lambda c: c.contacts.create(email="Ada@Example.ORG", unsubscribed=True),
        "POST",
        "/contacts",
        {"email": "ada@example.org", "unsubscribed": True},
    ),
    (
        lambda c: c.contacts.create(
            email="ada@example.org",
            unsubscribed=False,
            first_name="Ada",
            last_name="",
            properties={"plan": "pro", "seats": 4, "beta": True, "old": None},
            segments=["s1", "s2"],
            topics={"t1": "opt_out"},
        ),
        "POST",
        "/contacts",
        {
            "email": "ada@example.org",
            "unsubscribed": False,
            "first_name": "Ada",
            "properties": {"plan": "pro", "seats": 4, "beta": "true", "old": None},
            "segments": [{"id": "s1"}, {"id": "s2"}],
            "topics": [{"id": "t1", "subscription": "opt_out"}],
        },
    ),
    (
        lambda c: c.contacts.create(
            email="a@example.org", unsubscribed=False, properties={}, topics={}, last_name=None
        ),
        "POST",
        "/contacts",
        {"email": "a@example.org", "unsubscribed": False},
    ),
    (
        lambda c: c.contacts.update("c1", {"first_name": "", "last_name": None}),
        "PATCH",
        "/contacts/c1",
        {"first_name": None, "last_name": None},
    ),
    (
        lambda c: c.contacts.update("a@b.c", {"unsubscribed": False, "properties": {}}),
        "PATCH",
        "/contacts/a%40b.c",
        {"unsubscribed": False},
    ),
    (
        lambda c: c.contacts.update("c1", {"properties": {"a": "", "b": None, "c": False}}),
        "PATCH",
        "/contacts/c1",
        {"properties": {"a": "", "b": None, "c": "false"}},
    ),
    (lambda c: c.contacts.delete("c1"), "DELETE", "/contacts/c1", None),
    (lambda c: c.contacts.add_segment("c1", "s1"), "POST", "/contacts/c1/segments/s1", None),
    (lambda c: c.contacts.remove_segment("c1", "s1"), "DELETE", "/contacts/c1/segments/s1", None),
    (
        lambda c: c.contacts.set_topics("c1", {"t1": "opt_out", "t2": "opt_in"}),
        "PATCH",
        "/contacts/c1/topics",
        [{"id": "t1", "subscription": "opt_out"}, {"id": "t2", "subscription": "opt_in"}],
    ),
    (lambda c: c.segments.create("VIP"), "POST", "/segments", {"name": "VIP"}),
    (lambda c: c.segments.rename("s1", "VIP 2"), "PATCH", "/segments/s1", {"name": "VIP 2"}),
    (lambda c: c.segments.delete("s1"), "DELETE", "/segments/s1", None),
    (
        lambda c: c.topics.create(name="News", default_subscription="opt_in"),
        "POST",
        "/topics",
        {"name": "News", "default_subscription": "opt_in"},
    ),
    (
        lambda c: c.topics.create(
            name="News", default_subscription="opt_out", description="Weekly", visibility="public"
        ),
        "POST",
        "/topics",
        {
            "name": "News",
            "default_subscription": "opt_out",
            "description": "Weekly",
            "visibility": "public",
        },
    ),
    (
        lambda c: c.topics.update("t1", {"description": "", "name": "N"}),
        "PATCH",
        "/topics/t1",
        {"description": "", "name": "N"},
    ),
    (lambda c: c.topics.delete("t1"), "DELETE", "/topics/t1", None),
    (
        lambda c: c.properties.create(key="plan", type="string"),
        "POST",
        "/contact-properties",
        {"key": "plan", "type": "string"},
    ),
    (
        lambda c: c.properties.create(key="seats", type="number", fallback_value=0),
        "POST",
        "/contact-properties",
        {"key": "seats", "type": "number", "fallback_value": 0},
    ),
    (
        lambda c: c.properties.update("p1", None),
        "PATCH",
        "/contact-properties/p1",
        {"fallback_value": None},
    ),
    (lambda c: c.properties.delete("p1"), "DELETE", "/contact-properties/p1", None),
    (
        lambda c: c.webhooks.create("https://example.org/", ("contact.created",)),
        "POST",
        "/webhooks",
        {"endpoint": "https://example.org/", "events": ["contact.created"]},
    ),
    (
        lambda c: c.webhooks.update("w1", {"status": "enabled"}),
        "PATCH",
        "/webhooks/w1",
        {"status": "enabled"},
    ),
    (
        lambda c: c.webhooks.rotate_secret("w1"),
        "POST",
        "/webhooks/w1/signing-secret/rotate",
        None,
    ),
    (lambda c: c.webhooks.delete("w1"), "DELETE", "/webhooks/w1", None),
]


@pytest.mark.parametrize(("call", "method", "path", "body"), SENT)
def test_a_call_sends_exactly_this(call: Call, method: str, path: str, body: Any) -> None:
    client, canned = answering(200, {"id": "x1", "signing_secret": "whsec_eA=="})
    call(client)
    [request] = canned.requests
    assert (request.method, request.url) == (method, BASE_URL + path)
    if body is None:
        assert not request.body
        assert "Content-Type" not in request.headers
    else:
        assert sent_json(request) == body


REFUSED: list[Call] = [
    lambda c: c.contacts.update("c1", {"email": "new@example.org"}),
    lambda c: c.contacts.update("c1", {"segments": ["s1"]}),
    lambda c: c.contacts.update("c1", {"frist_name": "Ada"}),
    lambda c: c.contacts.update("c1", {"unsubscribed": None}),
    lambda c: c.contacts.update("c1", {"unsubscribed": "false"}),
    lambda c: c.contacts.create(email="a@example.org", unsubscribed=None),  # type: ignore[arg-type]
    lambda c: c.contacts.create(email="a@example.org", unsubscribed=False, topics={"t": "yes"}),
    lambda c: c.contacts.set_topics("c1", {"t1": "subscribed"}),
    lambda c: c.topics.create(name="News", default_subscription="in"),
    lambda c: c.topics.update("t1", {"default_subscription": "opt_out"}),
    lambda c: c.properties.create(key="on", type="boolean"),
    lambda c: c.webhooks.update("w1", {"signing_secret": "whsec_eA=="}),
]


@pytest.mark.parametrize("call", REFUSED)
def test_what_resend_would_drop_or_refuse_is_refused_before_sending(call: Call) -> None:
    client, canned = answering(200, {"id": "x1"})
    with pytest.raises(ValueError, match=r"\w"):
        call(client)
    assert canned.requests == []


NOTHING: list[Call] = [
    lambda c: c.contacts.update("c1", {}),
    lambda c: c.contacts.update("c1", {"properties": {}}),
    lambda c: c.contacts.set_topics("c1", {}),
    lambda c: c.topics.update("t1", {}),
    lambda c: c.webhooks.update("w1", {}),
]


@pytest.mark.parametrize("call", NOTHING)
def test_no_change_is_no_call(call: Call) -> None:
    client, canned = answering(200, {"id": "x1"})
    call(client)
    assert canned.requests == []


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "first_name": st.none() | st.text(),
            "last_name": st.none() | st.text(),
            "unsubscribed": st.booleans(),
            "properties": st.dictionaries(
                st.text(), st.none() | st.text() | st.integers() | st.booleans()
            ),
        },
    )
)
def test_an_update_never_sends_more_than_it_was_told(changes: dict[str, Any]) -> None:
    client, canned = answering(200, {"id": "c1"})
    before = {**changes}
    client.contacts.update("c1", changes)
    assert changes == before
    sent = sent_json(canned.requests[0]) if canned.requests else {}
    assert set(sent) <= set(changes)
    assert sent.get("unsubscribed") == changes.get("unsubscribed")
    assert not [value for value in sent.get("properties", {}).values() if isinstance(value, bool)]
    assert "" not in (sent.get("first_name"), sent.get("last_name"))
