"""Unsubscribe, set a property, pull now, try again: asked for in the admin, done by a worker."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_resend.models import Contact, ContactProperty, Job, Kind, OutboxEntry

from .conftest import ContactMaker, UserMaker
from .pages import do_action, finish_action, start_action, text_of, told, url

REFUSED = OutboxEntry.State.REFUSED
PENDING = OutboxEntry.State.PENDING


@pytest.fixture
def refused(contact: Contact) -> OutboxEntry:
    OutboxEntry.objects.record(Kind.CONTACT, [contact.pk])
    entry = OutboxEntry.objects.get()
    entry.state, entry.attempts = REFUSED, 3
    entry.error_status, entry.error_name = 422, "validation_error"
    entry.save()
    return entry


@pytest.fixture
def seats() -> ContactProperty:
    return ContactProperty.objects.create(key="seats", type="number")


def test_unsubscribing_tells_how_many_are_so_already(
    client: Client, make_contacts: ContactMaker
) -> None:
    contacts = make_contacts(3)
    Contact.untracked.filter(pk=contacts[0].pk).update(unsubscribed=True)

    page = start_action(client, url(Contact), "unsubscribe", [one.pk for one in contacts])
    assert "1 of them has unsubscribed already." in text_of(page)
    assert "at most 2 calls" in text_of(page)
    done = do_action(client, url(Contact), page)

    assert "Changed 2 Were so already 1" in done
    assert Contact.objects.filter(unsubscribed=True).count() == 3
    assert LogEntry.objects.get().change_message == "Unsubscribe from everything"


def test_a_property_is_set_with_a_value_of_its_type(
    client: Client, make_contacts: ContactMaker, seats: ContactProperty
) -> None:
    contacts = make_contacts(2)
    page = start_action(client, url(Contact), "set_property", [one.pk for one in contacts])

    do_action(client, url(Contact), page, property=seats.pk, value="12")

    assert [one.properties for one in Contact.objects.all()] == [{"seats": 12}, {"seats": 12}]
    assert LogEntry.objects.get().change_message == "Set a property: seats = 12"


def test_a_property_is_taken_away_only_when_that_is_meant(
    client: Client, make_contacts: ContactMaker, seats: ContactProperty
) -> None:
    (contact,) = make_contacts(1, properties={"seats": 4})
    page = start_action(client, url(Contact), "set_property", [contact.pk])

    again = finish_action(client, url(Contact), page, property=seats.pk, value="")
    assert "Write a value, or tick the box below." in text_of(again)
    do_action(client, url(Contact), page, property=seats.pk, value="", clear="on")

    contact.refresh_from_db()
    assert contact.properties == {}


@pytest.mark.parametrize(
    ("value", "clear", "sentence"),
    [("many", "", "Enter a number."), ("4", "on", "Either a new value or none")],
)
def test_a_value_that_resend_would_refuse_is_a_form_error(
    client: Client,
    contact: Contact,
    seats: ContactProperty,
    value: str,
    clear: str,
    sentence: str,
) -> None:
    page = start_action(client, url(Contact), "set_property", [contact.pk])
    choices = {"property": seats.pk, "value": value, **({"clear": clear} if clear else {})}

    again = finish_action(client, url(Contact), page, **choices)

    assert sentence in text_of(again)
    assert not Job.objects.exists()


def test_without_any_property_there_is_nothing_to_set(client: Client, contact: Contact) -> None:
    page = start_action(client, url(Contact), "set_property", [contact.pk])

    assert "first add contact properties" in text_of(page)
    finish_action(client, url(Contact), page, value="x")
    assert not Job.objects.exists()


def test_pull_now_says_what_it_costs_and_whom_it_leaves_out(
    client: Client, make_contacts: ContactMaker
) -> None:
    contacts = make_contacts(3)
    Contact.untracked.filter(pk=contacts[0].pk).update(remote_id=None)

    page = start_action(client, url(Contact), "pull_now", [one.pk for one in contacts])

    assert "1 of them was never sent to Resend" in text_of(page)
    assert "at most 6 calls to Resend" in text_of(page)


def test_try_again_says_why_they_were_refused_and_makes_them_due(
    client: Client, refused: OutboxEntry, make_contacts: ContactMaker
) -> None:
    other = make_contacts(1)[0]
    OutboxEntry.objects.record(Kind.CONTACT, [other.pk])
    OutboxEntry.objects.filter(object_id=other.pk).update(state=REFUSED)

    page = start_action(client, url(Contact), "retry", [refused.object_id])
    assert "1 of them has a change" in text_of(page)
    assert "Refused 1 times: 422 validation_error" in text_of(page)
    do_action(client, url(Contact), page)

    refused.refresh_from_db()
    assert (refused.state, refused.attempts) == (PENDING, 0)
    assert OutboxEntry.objects.get(object_id=other.pk).state == REFUSED


def test_other_actions_tell_of_changes_that_were_refused_earlier(
    client: Client, refused: OutboxEntry
) -> None:
    page = start_action(client, url(Contact), "unsubscribe", [refused.object_id])

    assert "Resend refused an earlier change of 1 of them" in text_of(page)


@pytest.mark.parametrize(
    ("action", "direction", "sentence"),
    [
        ("retry", "pull", "This site only pulls from Resend."),
        ("pull_now", "push", "This site only pushes to Resend."),
    ],
)
def test_a_direction_that_is_switched_off_is_not_asked_for(
    client: Client, contact: Contact, settings: Any, action: str, direction: str, sentence: str
) -> None:
    settings.RESEND = {**settings.RESEND, "DIRECTION": direction}
    page = start_action(client, url(Contact), action, [contact.pk])

    again = finish_action(client, url(Contact), page)

    assert sentence in text_of(page)
    assert sentence in text_of(again)
    assert not Job.objects.exists()


def test_try_again_in_the_outbox_keeps_what_resend_said_and_asks_for_a_push(
    client: Client, refused: OutboxEntry
) -> None:
    done = start_action(client, url(OutboxEntry), "try_again", [refused.pk])

    assert "1 change is due now." in told(done)
    assert Job.objects.get().operation == "push"
    refused.refresh_from_db()
    assert (refused.state, refused.error_name) == (PENDING, "validation_error")


def test_who_may_only_look_at_the_outbox_can_not_try_again(
    client_with: UserMaker, refused: OutboxEntry
) -> None:
    start_action(client_with("view_outboxentry"), url(OutboxEntry), "try_again", [refused.pk])

    refused.refresh_from_db()
    assert refused.state == REFUSED
    assert not Job.objects.exists()
