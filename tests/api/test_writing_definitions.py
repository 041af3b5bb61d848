"""Segments, topics and properties created, and segments renamed, over REST."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from django_resend.models import ContactProperty, OutboxEntry, Segment, Topic

from .helpers import ROOT

pytestmark = pytest.mark.usefixtures("writable")


def post(client: APIClient, path: str, **body: Any) -> Any:
    return client.post(ROOT + path, body, format="json")


def test_a_segment_is_created_and_renamed(client: APIClient) -> None:
    row = post(client, "segments/", name="Members").json()
    assert (row["name"], row["member_count"], row["sync_state"]) == ("Members", 0, "pending")
    OutboxEntry.objects.all().delete()
    url = f"{ROOT}segments/{row['id']}/"
    renamed = client.patch(url, {"name": "Patrons"}, format="json").json()
    assert (renamed["name"], renamed["sync_state"]) == ("Patrons", "pending")
    assert client.patch(url, {"name": ""}, format="json").status_code == 400
    assert Segment.objects.get().name == "Patrons"


def test_a_topic_is_created(client: APIClient) -> None:
    response = post(client, "topics/", name="News", default_subscription="opt_out")
    assert response.status_code == 201
    assert response.json()["visibility"] == "private"
    assert Topic.objects.get().default_subscription == "opt_out"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "News"}, "default_subscription"),
        ({"name": "News", "default_subscription": "maybe"}, "default_subscription"),
        ({"name": "n" * 51, "default_subscription": "opt_in"}, "name"),
        (
            {"name": "News", "default_subscription": "opt_in", "description": "d" * 201},
            "description",
        ),
    ],
)
def test_a_topic_keeps_within_what_resend_takes(
    client: APIClient, body: dict[str, Any], field: str
) -> None:
    response = post(client, "topics/", **body)
    assert response.status_code == 400
    assert list(response.json()) == [field]


def test_a_property_is_created(client: APIClient) -> None:
    response = post(client, "properties/", key="seats", type="number", fallback_value=1)
    assert response.status_code == 201
    assert ContactProperty.objects.get().fallback_value == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "key"),
        ({"key": "two words"}, "key"),
        ({"key": "email"}, "key"),
        ({"key": "plan"}, "key"),
        ({"key": "seats", "type": "boolean"}, "type"),
        ({"key": "seats", "type": "number", "fallback_value": "one"}, "fallback_value"),
        ({"key": "city", "fallback_value": "a\x00b"}, "fallback_value"),
    ],
)
def test_a_property_keeps_within_what_resend_takes(
    client: APIClient, body: dict[str, Any], field: str
) -> None:
    ContactProperty.objects.create(key="plan")
    response = post(client, "properties/", **body)
    assert response.status_code == 400
    assert list(response.json()) == [field]


def test_keys_differ_by_letter_case(client: APIClient) -> None:
    ContactProperty.objects.create(key="plan")
    assert post(client, "properties/", key="Plan").status_code == 201


def test_what_resend_decides_is_not_written(client: APIClient) -> None:
    row = post(client, "segments/", name="Members", remote_id="s-1", id=77).json()
    assert row["remote_id"] is None
    assert row["id"] != 77
