"""Rows are read tolerantly: missing is not null, null is not empty, and odd values say nothing."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_resend.client import MISSING, errors
from django_resend.client.rows import ContactRow, moment
from tests.client.canned import answering

CONTACT: dict[str, Any] = {
    "object": "contact",
    "id": "c1",
    "email": "Ada@Example.org",
    "first_name": "Ada",
    "last_name": None,
    "created_at": "2026-03-04 05:06:07.84216+00",
    "unsubscribed": False,
    "properties": {"plan": {"type": "string", "value": "pro"}, "seats": 4},
}
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner),
    max_leaves=5,
)


def contact(**changes: Any) -> ContactRow:
    client, _ = answering(200, {**CONTACT, **changes})
    return client.contacts.get("c1")


def test_a_contact_is_read_as_documented() -> None:
    row = contact()
    assert (row.id, row.email, row.first_name, row.last_name) == (
        "c1",
        "Ada@Example.org",
        "Ada",
        None,
    )
    assert row.unsubscribed is False
    assert row.created_at == datetime(2026, 3, 4, 5, 6, 7, 842160, tzinfo=UTC)
    assert row.properties == {"plan": "pro", "seats": 4}
    assert row.raw == CONTACT


def test_what_an_answer_lacks_is_missing_not_null() -> None:
    client, _ = answering(200, {"id": "c1", "email": "ada@example.org"})
    row = client.contacts.get("c1")
    assert row.first_name is row.last_name is row.unsubscribed is row.properties is MISSING
    assert row.created_at is None
    assert pickle.loads(pickle.dumps(row)).first_name is MISSING  # noqa: S301 - its own pickle
    assert repr(MISSING) == "MISSING"


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"plan": {"type": "string", "value": "pro"}}, {"plan": "pro"}),
        ({"plan": "pro"}, {"plan": "pro"}),
        ({"plan": {"value": None}, "seats": 4.5}, {"plan": None, "seats": 4.5}),
        ({"flag": {"type": "boolean", "value": True}}, {"flag": True}),
        ({"seats": {"type": "number", "value": "4"}}, {"seats": "4"}),
        ({}, {}),
        (None, MISSING),
        ([], MISSING),
        ("plan", MISSING),
    ],
)
def test_properties_are_read_in_both_shapes_and_null_says_nothing(told: Any, read: Any) -> None:
    assert contact(properties=told).properties == read


@pytest.mark.parametrize("key", ["id", "email"])
@pytest.mark.parametrize("value", [None, "", 5, {}])
def test_a_contact_without_identity_is_a_bad_answer(key: str, value: Any) -> None:
    with pytest.raises(errors.BadAnswer, match=f"without {key}"):
        contact(**{key: value})


@given(key=st.sampled_from(sorted(set(CONTACT) - {"id", "email"})), value=JSON)
def test_no_odd_value_elsewhere_stops_the_reading(key: str, value: Any) -> None:
    row = contact(**{key: value})
    assert row.email == "Ada@Example.org"
    assert row.raw[key] == value
    assert row.unsubscribed in (True, False, None, MISSING)
    assert row.unsubscribed is not MISSING or not isinstance(value, bool)


@pytest.mark.parametrize("value", ["true", "false", 0, 1, [], {}])
def test_consent_that_is_no_boolean_says_nothing(value: Any) -> None:
    assert contact(unsubscribed=value).unsubscribed is MISSING


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-03-04 05:06:07+00", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04 05:06:07.8+00", datetime(2026, 3, 4, 5, 6, 7, 800000, tzinfo=UTC)),
        ("2026-03-04T05:06:07.842Z", datetime(2026, 3, 4, 5, 6, 7, 842000, tzinfo=UTC)),
        ("2026-03-04T05:06:07", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        (
            "2026-03-04 05:06:07+02",
            datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone(timedelta(hours=2))),
        ),
        ("2026-03-04 05:06:94+00", None),
        ("2026-13-04 05:06:07+00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1790000000, None),
    ],
)
def test_timestamps_are_read_in_both_spellings_and_impossible_ones_are_none(
    text: object, read: datetime | None
) -> None:
    assert moment(text) == read
    assert contact(created_at=text).raw["created_at"] == text


@given(st.text(max_size=40))
def test_no_timestamp_upsets_the_reader(text: str) -> None:
    read = moment(text)
    assert read is None or read.tzinfo is not None


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        contact().email = "eve@example.org"  # type: ignore[misc]


def test_the_other_rows_are_read_as_documented() -> None:
    told = {
        "id": "x1",
        "object": "audience",
        "name": "News",
        "description": None,
        "default_subscription": "opt_in",
        "visibility": "public",
        "subscription": "opt_out",
        "key": "plan",
        "type": "date",
        "fallback_value": 0,
        "status": "in_progress",
        "created_at": "2026-03-04 05:06:07+00",
        "completed_at": None,
        "counts": {"total": 3, "failed": 0, "odd": "x", "flag": True},
        "endpoint": "https://example.org/",
        "events": ["contact.created"],
    }
    client, _ = answering(200, told)
    created = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

    segment = client.segments.get("x1")
    assert (segment.id, segment.name, segment.created_at) == ("x1", "News", created)
    topic = client.topics.get("x1")
    assert (topic.name, topic.description, topic.default_subscription, topic.visibility) == (
        "News",
        None,
        "opt_in",
        "public",
    )
    definition = client.properties.get("x1")
    assert (definition.key, definition.type, definition.fallback_value) == ("plan", "date", 0)
    job = client.imports.get("x1")
    assert (job.status, job.completed_at, job.counts) == (
        "in_progress",
        None,
        {"total": 3, "failed": 0},
    )
    hook = client.webhooks.get("x1")
    assert (hook.endpoint, hook.events, hook.status) == (
        "https://example.org/",
        ["contact.created"],
        "in_progress",
    )
    assert hook.signing_secret is MISSING
    subscriptions, _ = answering(200, {"has_more": False, "data": [told]})
    [row] = subscriptions.contacts.topic_page("c1").rows
    assert (row.id, row.name, row.subscription) == ("x1", "News", "opt_out")


def test_rows_that_tell_only_an_id_are_read() -> None:
    client, _ = answering(200, {"id": "x1", "fallback_value": [], "counts": [], "events": "x"})
    assert client.segments.get("x1").name is MISSING
    assert client.topics.get("x1").visibility is MISSING
    assert client.properties.get("x1").fallback_value is MISSING
    assert client.imports.get("x1").counts is MISSING
    assert client.webhooks.get("x1").events is MISSING


@pytest.mark.parametrize("resource", ["segments", "topics", "properties", "imports", "webhooks"])
def test_any_row_without_an_id_is_a_bad_answer(resource: str) -> None:
    client, _ = answering(200, {"name": "News"})
    with pytest.raises(errors.BadAnswer, match="without id"):
        getattr(client, resource).get("x1")
