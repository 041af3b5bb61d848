"""Contacts written over REST: all of a request is stored and reaches the outbox, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from django_resend.models import (
    Contact,
    ContactProperty,
    Kind,
    OutboxEntry,
    Segment,
    Topic,
    email_key,
)

from .helpers import ROOT

pytestmark = pytest.mark.usefixtures("writable")


@pytest.fixture
def segments() -> list[Segment]:
    return [Segment.objects.create(name=f"Segment {n}") for n in range(3)]


@pytest.fixture
def topic() -> Topic:
    return Topic.objects.create(name="News", default_subscription="opt_out")


@pytest.fixture
def definitions() -> None:
    ContactProperty.objects.create(key="plan", type="string")
    ContactProperty.objects.create(key="seats", type="number")


def create(client: APIClient, **body: Any) -> Any:
    return client.post(f"{ROOT}contacts/", body, format="json")


def change(client: APIClient, contact: Contact, **body: Any) -> Any:
    return client.patch(f"{ROOT}contacts/{contact.pk}/", body, format="json")


def is_pending(contact: Contact) -> bool:
    return OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id=contact.pk).exists()


@pytest.mark.usefixtures("definitions")
def test_a_contact_is_created_with_all_that_belongs_to_it(
    client: APIClient, segments: list[Segment], topic: Topic
) -> None:
    response = create(
        client,
        email="Ada@Example.org",
        first_name="Ada",
        unsubscribed=True,
        properties={"plan": "pro", "seats": 4},
        segments=[{"id": segments[0].pk}],
        topics=[{"id": topic.pk, "subscription": "opt_in"}],
    )
    assert response.status_code == 201
    row = response.json()
    assert row["email"] == "Ada@Example.org"
    assert row["unsubscribed"] is True
    assert row["properties"] == {"plan": "pro", "seats": 4}
    assert row["segments"] == [{"id": segments[0].pk, "name": "Segment 0"}]
    assert row["topics"] == [{"id": topic.pk, "name": "News", "subscription": "opt_in"}]
    assert row["sync_state"] == "pending"
    assert client.get(f"{ROOT}contacts/{row['id']}/").json() == row


def test_an_address_is_all_a_contact_needs(client: APIClient) -> None:
    assert create(client, email=" ada@example.org ").json()["email"] == "ada@example.org"
    assert create(client, first_name="Ada").json() == {"email": ["This field is required."]}
    assert create(client, email="nowhere").status_code == 400


def test_an_address_is_taken_in_any_letter_case(client: APIClient, contact: Contact) -> None:
    other = Contact.objects.create(email="grace@example.org")
    for response in (
        create(client, email="ADA@example.org"),
        change(client, other, email="aDa@example.org"),
    ):
        assert response.status_code == 400
        assert response.json() == {"email": ["Another contact has this address."]}
    assert change(client, contact, email="ada@example.org").json()["email"] == "ada@example.org"


def test_a_rival_with_the_same_address_gets_a_400_too(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Contact.clean

    def check_then_lose_the_race(contact: Contact) -> None:
        check(contact)
        key = email_key(contact.email)
        Contact.untracked.bulk_create([Contact(email=contact.email, email_key=key)])

    monkeypatch.setattr(Contact, "clean", check_then_lose_the_race)
    response = create(client, email="ada@example.org")
    assert response.status_code == 400
    assert response.json() == {"email": ["Another contact has this address."]}


def test_only_what_is_named_changes(client: APIClient, contact: Contact) -> None:
    row = change(client, contact, last_name="Lovelace").json()
    assert (row["first_name"], row["last_name"]) == ("Ada", "Lovelace")
    assert change(client, contact, first_name="").json()["first_name"] == ""


def test_what_was_read_may_be_written_back(
    client: APIClient, contact: Contact, segments: list[Segment], topic: Topic
) -> None:
    contact.segments.set(segments[:2])
    contact.opt_out(topic)
    OutboxEntry.objects.all().delete()
    row = client.get(f"{ROOT}contacts/{contact.pk}/").json()
    answer = change(client, contact, **row)
    assert answer.status_code == 200
    assert {**answer.json(), "updated_at": ""} == {**row, "updated_at": ""}
    assert not is_pending(contact)


def test_a_misspelt_field_is_refused(client: APIClient, contact: Contact) -> None:
    response = change(client, contact, unsubscibed=True)
    assert response.status_code == 400
    assert response.json() == {"unsubscibed": ["No such field."]}


@pytest.mark.parametrize(
    "body",
    [
        '{"first_name": "\\ud800"}',
        '{"\\ud800": 1}',
        '{"properties": {"seats": 1e999}}',
        '{"properties": {"seats": NaN}}',
        '{"properties": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"properties": {"seats": ' + "9" * 5000 + "}}",
        "{",
    ],
)
def test_json_that_could_not_be_stored_is_refused(
    client: APIClient, contact: Contact, body: str
) -> None:
    url = f"{ROOT}contacts/{contact.pk}/"
    response = client.patch(url, body.encode(), content_type="application/json")
    assert response.status_code == 400
    assert response.json()["detail"]


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_a_body_that_is_no_object_is_refused(client: APIClient, body: Any) -> None:
    assert client.post(f"{ROOT}contacts/", body, format="json").status_code == 400


def test_a_mirrored_address_that_django_finds_odd_blocks_no_other_change(
    client: APIClient, contact: Contact
) -> None:
    Contact.untracked.filter(pk=contact.pk).update(email="ada@localhost_", email_key="odd")
    assert change(client, contact, first_name="Ada").status_code == 200


@pytest.mark.usefixtures("definitions")
def test_properties_are_merged_key_by_key(client: APIClient, contact: Contact) -> None:
    change(client, contact, properties={"plan": "pro", "seats": 4})
    row = change(client, contact, properties={"plan": None, "seats": 5}).json()
    assert row["properties"] == {"seats": 5}
    assert change(client, contact, properties={}).json()["properties"] == {"seats": 5}
    assert (
        create(client, email="b@example.org", properties={"plan": None}).json()["properties"] == {}
    )


@pytest.mark.usefixtures("definitions")
@pytest.mark.parametrize(
    ("properties", "errors"),
    [
        ({"Plan": "pro"}, {"Plan": ["No contact property has this key."]}),
        ({"plan": 4}, {"plan": ["The property's type is text."]}),
        ({"plan": True}, {"plan": ["The property's type is text."]}),
        ({"seats": "4"}, {"seats": ["The property's type is number."]}),
        ({"seats": False}, {"seats": ["The property's type is number."]}),
        ({"plan": "a\x00b"}, {"plan": ["Null characters are not allowed."]}),
        ({"a\x00b": 1}, {"a\x00b": ["No contact property has this key."]}),
    ],
)
def test_properties_follow_their_definitions(
    client: APIClient, contact: Contact, properties: Any, errors: Any
) -> None:
    response = change(client, contact, properties=properties)
    assert response.status_code == 400
    assert response.json() == {"properties": errors}


def test_segments_written_are_the_segments_a_contact_has(
    client: APIClient, contact: Contact, segments: list[Segment]
) -> None:
    first, second, third = segments
    contact.segments.set([first, second])
    row = change(client, contact, segments=[{"id": second.pk}, {"id": third.pk}]).json()
    assert [segment["id"] for segment in row["segments"]] == [second.pk, third.pk]
    assert change(client, contact, segments=[]).json()["segments"] == []


def test_nothing_is_stored_of_a_request_that_is_refused(
    client: APIClient, contact: Contact, topic: Topic
) -> None:
    contact.opt_out(topic)
    response = change(
        client,
        contact,
        first_name="Augusta",
        topics=[{"id": topic.pk, "subscription": "opt_in"}],
    )
    assert response.status_code == 400
    contact.refresh_from_db()
    assert contact.first_name == "Ada"


@pytest.mark.parametrize(
    ("field", "items", "error"),
    [
        ("segments", [{"id": 99}, {"id": 98}], "No segment has the id 98."),
        ("segments", [{"id": 2**64}], ""),
        ("topics", [{"id": 99, "subscription": "opt_out"}], "No topic has the id 99."),
        ("topics", [{"id": 99, "subscription": "maybe"}], ""),
        (
            "topics",
            [{"id": 99, "subscription": "opt_out"}, {"id": 99, "subscription": "opt_in"}],
            "Name each topic once.",
        ),
    ],
)
def test_segments_and_topics_must_exist(
    client: APIClient, contact: Contact, field: str, items: Any, error: str
) -> None:
    response = change(client, contact, **{field: items})
    assert response.status_code == 400
    assert error in str(response.json()[field])


def test_memberships_come_and_go_one_by_one(
    client: APIClient, contact: Contact, segments: list[Segment]
) -> None:
    url = f"{ROOT}contacts/{contact.pk}/segments/"
    OutboxEntry.objects.all().delete()
    row = client.post(url, {"segment": segments[0].pk}, format="json").json()
    assert row["segments"] == [{"id": segments[0].pk, "name": "Segment 0"}]
    assert is_pending(contact)
    assert client.post(url, {"segment": 99}, format="json").status_code == 400

    OutboxEntry.objects.all().delete()
    assert client.delete(f"{url}{segments[0].pk}/").status_code == 204
    assert not contact.segments.exists()
    assert is_pending(contact)
    assert client.delete(f"{url}{segments[0].pk}/").status_code == 404


def test_a_deleted_contact_is_to_be_deleted_at_resend(client: APIClient, contact: Contact) -> None:
    Contact.untracked.filter(pk=contact.pk).update(remote_id="c-1")
    assert client.delete(f"{ROOT}contacts/{contact.pk}/").status_code == 204
    assert not Contact.objects.exists()
    assert OutboxEntry.objects.get(object_id=contact.pk).remote_id == "c-1"
