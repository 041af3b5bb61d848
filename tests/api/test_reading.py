"""What a reader of the API gets, and what it costs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from django_resend.models import (
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)

from .helpers import ROOT, ContactMaker, listed


def test_a_contact_shows_all_of_its_mirror(client: APIClient, contact: Contact) -> None:
    segment = Segment.objects.create(name="Members")
    topic = Topic.objects.create(name="News", default_subscription="opt_in")
    Contact.untracked.filter(pk=contact.pk).update(remote_id="c-1", properties={"seats": 4})
    contact.segments.add(segment)
    contact.opt_out(topic)
    OutboxEntry.objects.all().delete()

    row = client.get(f"{ROOT}contacts/{contact.pk}/").json()

    created_at, updated_at = row.pop("created_at"), row.pop("updated_at")
    assert created_at == contact.created_at.isoformat().replace("+00:00", "Z")
    assert updated_at >= created_at
    assert row == {
        "id": contact.pk,
        "remote_id": "c-1",
        "email": "Ada@Example.org",
        "first_name": "Ada",
        "last_name": "",
        "unsubscribed": False,
        "suppressed_at": None,
        "suppression_origin": None,
        "properties": {"seats": 4},
        "segments": [{"id": segment.pk, "name": "Members"}],
        "topics": [{"id": topic.pk, "name": "News", "subscription": "opt_out"}],
        "sync_state": "in_step",
        "error": None,
    }


def test_a_local_change_shows_as_pending(client: APIClient, contact: Contact) -> None:
    assert listed(client, "contacts/")[0]["sync_state"] == "pending"


def test_a_refused_row_shows_the_words_of_resend(client: APIClient, contact: Contact) -> None:
    OutboxEntry.objects.update(
        state="refused",
        error_status=422,
        error_name="validation_error",
        error_message="The address is not valid.",
    )
    row = listed(client, "contacts/")[0]
    assert row["sync_state"] == "refused"
    assert row["error"] == {
        "status": 422,
        "name": "validation_error",
        "message": "The address is not valid.",
    }


def test_definitions_show_what_resend_knows_of_them(client: APIClient) -> None:
    Segment.objects.create(name="Members")
    Topic.objects.create(name="News", description="Weekly", default_subscription="opt_out")
    ContactProperty.objects.create(key="seats", type="number", fallback_value=1)
    OutboxEntry.objects.all().delete()
    common = {"remote_id": None, "sync_state": "in_step", "error": None}

    def first(path: str) -> dict[str, object]:
        row = listed(client, path)[0]
        assert row.pop("id") and row.pop("created_at") and row.pop("updated_at")
        return dict(row)

    assert first("segments/") == {"name": "Members", **common}
    assert first("properties/") == {"key": "seats", "type": "number", "fallback_value": 1, **common}
    assert first("topics/") == {
        "name": "News",
        "description": "Weekly",
        "default_subscription": "opt_out",
        "visibility": "private",
        **common,
    }


def test_one_segment_gives_the_number_of_its_members(
    client: APIClient, contacts: ContactMaker
) -> None:
    segment = Segment.objects.create(name="Members")
    rows = contacts(3)
    segment.contacts.set(rows[:2])
    assert client.get(f"{ROOT}segments/{segment.pk}/").json()["member_count"] == 2


@pytest.mark.parametrize("pk", ["7", "99999999999999999999999"])
@pytest.mark.parametrize("kind", ["contacts", "segments", "properties", "topics"])
def test_an_unknown_id_is_not_found(client: APIClient, kind: str, pk: str) -> None:
    assert client.get(f"{ROOT}{kind}/{pk}/").status_code == 404


def test_addresses_work_without_their_last_slash(client: APIClient, contact: Contact) -> None:
    assert client.get(f"{ROOT}contacts").status_code == 200
    assert client.get(f"{ROOT}contacts/{contact.pk}").status_code == 200


@pytest.mark.parametrize("rows", [10, 200])
def test_a_page_of_contacts_takes_three_queries(
    client: APIClient, contacts: ContactMaker, rows: int
) -> None:
    people = contacts(rows)
    segments = [Segment.objects.create(name=f"s{n}") for n in range(3)]
    topics = [Topic.objects.create(name=f"t{n}", default_subscription="opt_in") for n in range(3)]
    SegmentMembership.objects.bulk_create(
        SegmentMembership(contact=person, segment=segment)
        for person in people
        for segment in segments
    )
    TopicSubscription.objects.bulk_create(
        TopicSubscription(contact=person, topic=topic) for person in people for topic in topics
    )
    with CaptureQueriesContext(connection) as queries:
        page = listed(client, "contacts/", page_size=200)
    assert len(page) == rows
    assert all(len(row["segments"]) == len(row["topics"]) == 3 for row in page)
    assert len(queries) == 3


@pytest.mark.parametrize("rows", [10, 200])
def test_a_page_of_segments_takes_two_queries(client: APIClient, rows: int) -> None:
    Segment.objects.bulk_create(Segment(name=f"s{n}") for n in range(rows))
    with CaptureQueriesContext(connection) as queries:
        assert len(listed(client, "segments/", page_size=200)) == rows
    assert len(queries) == 2


def test_a_page_has_fifty_rows_unless_asked_and_two_hundred_at_most(
    client: APIClient, contacts: ContactMaker
) -> None:
    contacts(201)
    Segment.objects.bulk_create(Segment(name=f"s{n}") for n in range(201))
    for path in ("contacts/", "segments/"):
        assert len(listed(client, path)) == 50
        assert len(listed(client, path, page_size=7)) == 7
        assert len(listed(client, path, page_size=1000)) == 200


@pytest.mark.parametrize("asked", ["0", "-1", "many", "", "9" * 5000, "²"])
@pytest.mark.parametrize("path", ["contacts/", "segments/"])
def test_a_page_size_that_is_no_number_is_refused(client: APIClient, path: str, asked: str) -> None:
    response = client.get(ROOT + path, {"page_size": asked})
    assert response.status_code == 400
    assert response.json() == {"page_size": ["Write a whole number from 1 to 200."]}


def walk(client: APIClient, link: str | None, direction: str) -> list[int]:
    ids: list[int] = []
    while link:
        page = client.get(link).json()
        ids = [*ids, *(row["id"] for row in page["results"])]
        link = page[direction]
    return ids


def test_walking_the_pages_meets_every_contact_once_in_order(
    client: APIClient, contacts: ContactMaker
) -> None:
    expected = [row.pk for row in contacts(10)]
    assert walk(client, f"{ROOT}contacts/?page_size=3", "next") == expected


def test_a_contact_deleted_between_two_pages_hides_no_other(
    client: APIClient, contacts: ContactMaker
) -> None:
    rows = contacts(4)
    first = client.get(f"{ROOT}contacts/?page_size=2").json()
    rows[0].delete()
    assert walk(client, first["next"], "next") == [rows[2].pk, rows[3].pk]


def test_a_later_page_costs_no_offset(client: APIClient, contacts: ContactMaker) -> None:
    contacts(9)
    second = client.get(client.get(f"{ROOT}contacts/?page_size=3").json()["next"]).json()
    with CaptureQueriesContext(connection) as queries:
        client.get(second["next"])
    assert "OFFSET" not in queries[0]["sql"]


@given(text=st.text(max_size=40) | st.sampled_from(["cD1hYmM=", "cD0=", "cj14", "bz05OTk5OTk="]))
def test_any_cursor_is_answered_or_refused(text: str) -> None:
    client = APIClient()
    client.force_authenticate(User(username="grace", is_superuser=True))
    response = client.get(f"{ROOT}contacts/", {"cursor": text})
    assert response.status_code in {200, 400, 404}
