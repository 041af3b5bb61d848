"""Lists narrowed by query string."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from django_resend.models import Contact, OutboxEntry, Segment, Suppression, Topic

from .helpers import ROOT, ContactMaker, emails, listed

CONTACT_FILTERS = (
    "email",
    "search",
    "segment",
    "topic",
    "subscription",
    "unsubscribed",
    "suppressed",
    "updated_after",
    "sync_state",
)


@pytest.mark.parametrize("written", ["Ada@Example.org", "ADA@EXAMPLE.ORG", "ada@example.org"])
def test_an_address_finds_its_contact_in_any_letter_case(
    client: APIClient, contact: Contact, contacts: ContactMaker, written: str
) -> None:
    contacts(2)
    assert emails(client, email=written) == ["Ada@Example.org"]
    assert emails(client, email=f"x{written}") == []


def test_search_finds_addresses_by_their_beginning(client: APIClient) -> None:
    for address in ("Ann+news@example.org", "anna@example.org", "hanna@example.org"):
        Contact.objects.create(email=address)
    assert emails(client, search="ANN") == ["Ann+news@example.org", "anna@example.org"]
    assert emails(client, search="ann+") == ["Ann+news@example.org"]
    assert emails(client, search="a%") == []
    assert emails(client, search="a_") == []


def test_segment_names_its_members_by_local_id_or_id_at_resend(
    client: APIClient, contacts: ContactMaker
) -> None:
    remote_id = "5f0c5d1e-9a57-4c0b-8a3e-0d2f6a1b7c9d"
    segment = Segment.objects.create(name="Members", remote_id=remote_id)
    segment.contacts.set(contacts(3)[1:])
    expected = ["c0001@example.org", "c0002@example.org"]
    assert emails(client, segment=segment.pk) == expected
    assert emails(client, segment=remote_id) == expected


def test_topic_and_subscription_find_the_choices_people_made(
    client: APIClient, contacts: ContactMaker
) -> None:
    topic = Topic.objects.create(name="News", default_subscription="opt_in")
    other = Topic.objects.create(name="Offers", default_subscription="opt_in", remote_id="t-2")
    chose_in, chose_out, _silent = contacts(3)
    chose_in.opt_in(topic, by="test", reason="asked")
    chose_out.opt_out(topic)
    chose_in.opt_out(other)
    chosen_in, chosen_out, silent = (f"c{n:04}@example.org" for n in range(3))

    assert emails(client, topic=topic.pk) == [chosen_in, chosen_out]
    assert emails(client, topic=topic.pk, subscription="opt_in") == [chosen_in]
    assert emails(client, topic=topic.pk, subscription="opt_out") == [chosen_out]
    assert emails(client, topic=topic.pk, subscription="default") == [silent]
    assert emails(client, topic="t-2") == [chosen_in]


def test_unsubscribed_tells_the_two_apart(client: APIClient, contacts: ContactMaker) -> None:
    contacts(2)
    Contact.objects.filter(email_key="c0001@example.org").update(unsubscribed=True)
    assert emails(client, unsubscribed="true") == ["c0001@example.org"]
    assert emails(client, unsubscribed="False") == ["c0000@example.org"]


def test_updated_after_is_a_moment_in_any_zone(client: APIClient, contacts: ContactMaker) -> None:
    contacts(2)
    for key, moment in (("c0000", "2026-03-01T10:00:00Z"), ("c0001", "2026-03-01T11:00:00Z")):
        found = Contact.untracked.filter(email_key=f"{key}@example.org")
        found.update(updated_at=datetime.fromisoformat(moment))
    assert emails(client, updated_after="2026-03-01T10:00:00Z") == ["c0001@example.org"]
    assert emails(client, updated_after="2026-03-01T12:30:00+02:00") == ["c0001@example.org"]
    assert emails(client, updated_after="2026-03-01T11:00:00Z") == []


@pytest.mark.parametrize("path", ["contacts/", "segments/", "properties/", "topics/"])
def test_every_list_knows_the_sync_state(client: APIClient, path: str) -> None:
    Segment.objects.create(name="Members")
    assert len(listed(client, "segments/", sync_state="pending")) == 1
    for state in ("pending", "refused", "in_step"):
        assert all(row["sync_state"] == state for row in listed(client, path, sync_state=state))


def test_sync_state_parts_the_rows(client: APIClient, contacts: ContactMaker) -> None:
    first, second, _third = contacts(3)
    OutboxEntry.objects.exclude(object_id__in=[first.pk, second.pk]).delete()
    OutboxEntry.objects.filter(object_id=second.pk).update(state="refused")
    assert emails(client, sync_state="pending") == ["c0000@example.org"]
    assert emails(client, sync_state="refused") == ["c0001@example.org"]
    assert emails(client, sync_state="in_step") == ["c0002@example.org"]


def test_filters_narrow_together_and_pages_keep_them(
    client: APIClient, contacts: ContactMaker
) -> None:
    rows = contacts(6)
    segment = Segment.objects.create(name="Members")
    segment.contacts.set(rows[:4])
    Contact.objects.filter(pk__in=[row.pk for row in rows[1:]]).update(unsubscribed=True)
    query: dict[str, Any] = {"segment": segment.pk, "unsubscribed": "true", "page_size": 2}
    page = client.get(f"{ROOT}contacts/", query).json()
    assert [row["id"] for row in page["results"]] == [rows[1].pk, rows[2].pk]
    assert [row["id"] for row in client.get(page["next"]).json()["results"]] == [rows[3].pk]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"mail": "a@b.c"}, "There is no such filter. Filters here: email, search, segment,"),
        ({"email": ""}, "Write a whole address"),
        ({"email": "ada"}, "Write a whole address"),
        ({"email": "ada news@example.org"}, "with + as %2B"),
        ({"email": ["a@b.c", "d@e.f"]}, "Give this once."),
        ({"search": " "}, "Write how the address begins"),
        ({"segment": "99"}, "There is none with this id"),
        ({"segment": "9" * 30}, "There is none with this id"),
        ({"segment": "no\x00where"}, "There is none with this id"),
        ({"segment": ""}, "There is none with this id"),
        ({"topic": "nowhere"}, "There is none with this id"),
        ({"subscription": "opt_in"}, "Say for which topic"),
        ({"unsubscribed": "maybe"}, "Write true or false."),
        ({"updated_after": "yesterday"}, "Write a date and time with its zone"),
        ({"updated_after": "2026-03-01T10:00:00"}, "Write a date and time with its zone"),
        ({"updated_after": "2026-02-30T10:00:00Z"}, "Write a date and time with its zone"),
        ({"updated_after": "0001-01-01T00:00:00+14:00"}, "Write a date and time with its zone"),
        ({"sync_state": "odd"}, "Write in_step, pending or refused."),
    ],
)
def test_what_is_not_understood_is_refused_in_words(
    client: APIClient, query: dict[str, Any], sentence: str
) -> None:
    response = client.get(f"{ROOT}contacts/", query)
    assert response.status_code == 400
    (name,) = query
    assert list(response.json()) == [name]
    assert sentence in response.json()[name][0]


def test_an_unknown_choice_for_a_topic_is_refused(client: APIClient) -> None:
    topic = Topic.objects.create(name="News", default_subscription="opt_in")
    response = client.get(f"{ROOT}contacts/?topic={topic.pk}&subscription=maybe")
    assert response.status_code == 400
    assert "opt_in, opt_out or default" in response.json()["subscription"][0]


@pytest.mark.parametrize("path", ["segments/", "properties/", "topics/"])
def test_the_other_lists_refuse_unknown_filters_too(client: APIClient, path: str) -> None:
    response = client.get(ROOT + path, {"email": "a@b.c"})
    assert response.status_code == 400
    assert response.json()["email"] == ["There is no such filter. Filters here: sync_state."]


@given(name=st.sampled_from(CONTACT_FILTERS), value=st.text(max_size=80))
def test_any_value_is_answered_or_refused(name: str, value: str) -> None:
    client = APIClient()
    client.force_authenticate(User(username="grace", is_superuser=True))
    assert client.get(f"{ROOT}contacts/", {name: value}).status_code in {200, 400}


def test_filters_keep_the_order_of_ids(client: APIClient, contacts: ContactMaker) -> None:
    rows = contacts(5)
    segment = Segment.objects.create(name="Members")
    for row in reversed(rows):
        row.segments.add(segment)
    for query in ({"segment": segment.pk}, {"search": "c"}, {"sync_state": "pending"}):
        ids = [row["id"] for row in listed(client, "contacts/", **query)]
        assert ids == [row.pk for row in rows]


def test_suppressed_finds_addresses_that_resend_sends_nothing(
    client: APIClient, contact: Contact, contacts: ContactMaker
) -> None:
    contacts(1)
    now = timezone.now()
    Suppression.objects.create(
        email=contact.email,
        email_key=contact.email_key,
        origin="bounce",
        suppressed_at=now,
        told_at=now,
    )
    Suppression.objects.create(
        email="c0000@example.org", email_key="c0000@example.org", told_at=now
    )

    assert emails(client, suppressed="true") == [contact.email]
    assert emails(client, suppressed="false") == ["c0000@example.org"]
    (row,) = listed(client, "contacts/", suppressed="true")
    assert (row["suppression_origin"], row["suppressed_at"] is not None) == ("bounce", True)
    assert client.get(f"{ROOT}contacts/", {"suppressed": "maybe"}).status_code == 400
