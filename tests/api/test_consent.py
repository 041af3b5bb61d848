"""What people chose: opting out is one field, opting in again is a call that says why."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from django_resend.models import ConsentRecord, Contact, OutboxEntry, Topic

from .helpers import ROOT

pytestmark = pytest.mark.usefixtures("writable")


@pytest.fixture
def topic() -> Topic:
    return Topic.objects.create(name="News", default_subscription="opt_in")


@pytest.fixture
def unsubscribed(contact: Contact) -> Contact:
    contact.unsubscribed = True
    contact.save()
    return contact


def post(client: APIClient, contact: Contact, call: str, **body: Any) -> Any:
    return client.post(f"{ROOT}contacts/{contact.pk}/{call}/", body, format="json")


def patch(client: APIClient, contact: Contact, **body: Any) -> Any:
    return client.patch(f"{ROOT}contacts/{contact.pk}/", body, format="json")


def topics_of(row: dict[str, Any]) -> dict[str, str]:
    return {topic["name"]: topic["subscription"] for topic in row["topics"]}


def test_unsubscribing_is_one_field(client: APIClient, contact: Contact) -> None:
    assert patch(client, contact, unsubscribed=True).json()["unsubscribed"] is True


def test_an_unsubscribe_is_not_taken_back_by_a_field(
    client: APIClient, unsubscribed: Contact
) -> None:
    response = patch(client, unsubscribed, unsubscribed=False, first_name="Eve")
    assert response.status_code == 400
    (sentence,) = response.json()["unsubscribed"]
    assert "contacts/<id>/resubscribe/" in sentence
    unsubscribed.refresh_from_db()
    assert (unsubscribed.unsubscribed, unsubscribed.first_name) == (True, "Ada")


def test_resubscribing_records_who_and_why(client: APIClient, unsubscribed: Contact) -> None:
    response = post(client, unsubscribed, "resubscribe", reason="Asked by phone")
    assert response.status_code == 200
    assert response.json()["unsubscribed"] is False
    record = ConsentRecord.objects.get()
    assert (record.contact_id, record.by, record.reason) == (
        unsubscribed.pk,
        "grace",
        "Asked by phone",
    )
    assert record.topic_id is None


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": None}])
def test_resubscribing_needs_a_reason(
    client: APIClient, unsubscribed: Contact, body: dict[str, Any]
) -> None:
    response = post(client, unsubscribed, "resubscribe", **body)
    assert response.status_code == 400
    assert list(response.json()) == ["reason"]
    assert not ConsentRecord.objects.exists()


def test_resubscribing_a_subscriber_leaves_no_record(client: APIClient, contact: Contact) -> None:
    assert post(client, contact, "resubscribe", reason="Asked").json()["unsubscribed"] is False
    assert not ConsentRecord.objects.exists()


def test_opting_out_of_a_topic_needs_no_reason(
    client: APIClient, contact: Contact, topic: Topic
) -> None:
    OutboxEntry.objects.all().delete()
    row = post(client, contact, "topics", topic=topic.pk, subscription="opt_out").json()
    assert topics_of(row) == {"News": "opt_out"}
    assert row["sync_state"] == "pending"


def test_opting_in_to_a_topic_records_who_and_why(
    client: APIClient, contact: Contact, topic: Topic
) -> None:
    contact.opt_out(topic)
    body = {"topic": topic.pk, "subscription": "opt_in", "reason": "Ticked the box"}
    for _attempt in range(2):
        assert topics_of(post(client, contact, "topics", **body).json()) == {"News": "opt_in"}
    record = ConsentRecord.objects.get()
    assert (record.topic_id, record.by, record.reason) == (topic.pk, "grace", "Ticked the box")


def test_opting_in_to_a_topic_needs_a_reason(
    client: APIClient, contact: Contact, topic: Topic
) -> None:
    contact.opt_out(topic)
    response = post(client, contact, "topics", topic=topic.pk, subscription="opt_in")
    assert response.status_code == 400
    assert response.json() == {"reason": ["Say why this person is opted in."]}


@pytest.mark.parametrize(
    "body",
    [
        {"topic": 99, "subscription": "opt_out"},
        {"topic": "News", "subscription": "opt_out"},
        {"subscription": "opt_out"},
        {"topic": 1, "subscription": "maybe"},
        {"topic": 1},
    ],
)
def test_a_topic_choice_names_a_topic_and_a_subscription(
    client: APIClient, contact: Contact, body: dict[str, Any]
) -> None:
    assert post(client, contact, "topics", **body).status_code == 400


def test_a_patch_stores_first_choices_and_opt_outs(
    client: APIClient, contact: Contact, topic: Topic
) -> None:
    for choice in ("opt_in", "opt_in", "opt_out", "opt_out"):
        row = patch(client, contact, topics=[{"id": topic.pk, "subscription": choice}]).json()
        assert topics_of(row) == {"News": choice}
    assert patch(client, contact, topics=[]).json()["topics"] == row["topics"]


def test_a_topic_opt_out_is_not_taken_back_by_a_patch(
    client: APIClient, contact: Contact, topic: Topic
) -> None:
    contact.opt_out(topic)
    response = patch(client, contact, topics=[{"id": topic.pk, "subscription": "opt_in"}])
    assert response.status_code == 400
    (sentence,) = response.json()["topics"]
    assert "News" in sentence
    assert "contacts/<id>/topics/" in sentence
    assert contact.topicsubscription_set.get().subscription == "opt_out"
