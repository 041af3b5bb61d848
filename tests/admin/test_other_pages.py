"""Definitions to edit within Resend's limits, and the bookkeeping to read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from django_resend.models import (
    CallBudget,
    ConflictRecord,
    ConsentRecord,
    Contact,
    ContactProperty,
    Kind,
    OutboxEntry,
    Segment,
    SyncRun,
    Tombstone,
    Topic,
    TopicSubscription,
    WebhookEvent,
)

from .conftest import ContactMaker, UserMaker
from .pages import save, url

READ_ONLY = [
    CallBudget,
    ConflictRecord,
    ConsentRecord,
    OutboxEntry,
    SyncRun,
    Tombstone,
    WebhookEvent,
]
EDITABLE = [Contact, ContactProperty, Segment, Topic]


@pytest.fixture
def bookkeeping(contact: Contact, friends: Segment, news: Topic) -> list[Any]:
    """A row of each of the models that are only read."""
    contact.unsubscribed = True
    contact.save()
    contact.resubscribe(by="marta", reason="Asked by phone")
    event = {"type": "contact.updated", "data": {"email": contact.email}}
    other = Contact.objects.create(email="gone@example.org", unsubscribed=True, remote_id="c-gone")
    other.delete()
    return [
        OutboxEntry.objects.get(kind=Kind.CONTACT, object_id=contact.pk),
        ConsentRecord.objects.get(),
        Tombstone.objects.get(),
        SyncRun.objects.create(action="pull", state="done"),
        CallBudget.objects.create(team="team", limit=10.0),
        ConflictRecord.objects.create(
            kind=Kind.CONTACT,
            object_id=contact.pk,
            field="first_name",
            local_value="Ada",
            remote_value="Augusta",
            winner="remote",
            reason="policy",
        ),
        WebhookEvent.objects.create(message_id="msg_1", type="contact.updated", payload=event),
    ]


@pytest.mark.parametrize("model", [*READ_ONLY, *EDITABLE])
def test_every_model_has_its_pages(client: Client, bookkeeping: list[Any], model: Any) -> None:
    ContactProperty.objects.create(key="city")
    assert admin.site.is_registered(model)

    assert client.get(url(model)).status_code == 200
    for row in model.objects.all():
        assert client.get(url(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", READ_ONLY)
def test_the_bookkeeping_can_not_be_changed_by_anyone(
    client: Client, bookkeeping: list[Any], model: Any
) -> None:
    row = next(row for row in bookkeeping if isinstance(row, model))

    assert client.get(url(model, "add")).status_code == 403
    assert client.post(url(model, "change", row.pk), {}).status_code == 403
    assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", READ_ONLY)
def test_the_bookkeeping_is_shown_to_whoever_may_see_it(
    client_with: UserMaker, bookkeeping: list[Any], model: Any
) -> None:
    client = client_with(f"view_{model._meta.model_name}")

    assert client.get(url(model)).status_code == 200
    others = [other for other in READ_ONLY if other is not model]
    assert {client.get(url(other)).status_code for other in others} == {403}


@pytest.mark.parametrize("model", [ConflictRecord, ConsentRecord, OutboxEntry])
def test_a_row_links_to_its_contact(
    client: Client, bookkeeping: list[Any], contact: Contact, model: Any
) -> None:
    html = client.get(url(model)).content.decode()

    assert f'<a href="{url(Contact, "change", contact.pk)}">{contact.email}</a>' in html


def test_a_webhook_event_links_to_a_search_for_its_address(
    client: Client, bookkeeping: list[Any], contact: Contact
) -> None:
    html = client.get(url(WebhookEvent)).content.decode()

    assert f'href="{url(Contact)}?q=p00000%40example.org"' in html


def test_the_call_budget_shows_the_limit_and_the_end_of_a_pause(
    client: Client, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "RATE_LIMIT": None, "HEADROOM": 0.2}
    until = timezone.now() + timedelta(hours=3)
    CallBudget.objects.create(team="team", limit=10.0, paused_until=until)

    html = client.get(url(CallBudget, "change", "team")).content.decode()

    assert [value for value in ("10.0", "2.0", "8.0", "0 (0%)") if f">{value}<" not in html] == []
    assert date_format(until, "DATETIME_FORMAT") in html


def test_a_run_shows_planned_and_made_calls_and_its_seconds(client: Client) -> None:
    begun = timezone.now()
    run = SyncRun.objects.create(
        action="pull",
        state="done",
        calls=66,
        planned_calls=70,
        started_at=begun,
        finished_at=begun + timedelta(seconds=12.5),
    )

    for page in (url(SyncRun), url(SyncRun, "change", run.pk)):
        html = client.get(page).content.decode()
        assert [value for value in ("66", "70", "12.5") if f">{value}<" not in html] == []


@pytest.mark.parametrize("payload", [{}, [], {"data": None}, {"data": {"email": 7}}])
def test_an_event_of_an_odd_shape_is_shown_all_the_same(client: Client, payload: Any) -> None:
    event = WebhookEvent.objects.create(message_id="msg_1", type="odd", payload=payload)

    assert client.get(url(WebhookEvent)).status_code == 200
    assert client.get(url(WebhookEvent, "change", event.pk)).status_code == 200


def test_a_deletion_that_waits_is_shown_as_one(client: Client, contact: Contact) -> None:
    contact.delete()

    html = client.get(url(OutboxEntry)).content.decode()

    assert '<td class="field-wish">delete</td>' in html
    assert "c-0" in html


def test_the_outbox_costs_the_same_queries_however_long_it_is(
    client: Client, make_contacts: ContactMaker, friends: Segment, news: Topic
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(url(OutboxEntry))
        return len(captured)

    few = queries()
    OutboxEntry.objects.record(Kind.CONTACT, [one.pk for one in make_contacts(40)])

    assert queries() == few


def test_the_consent_log_is_found_by_the_beginning_of_an_address(
    client: Client, bookkeeping: list[Any]
) -> None:
    found = client.get(f"{url(ConsentRecord)}?q=P0").content.decode()
    not_found = client.get(f"{url(ConsentRecord)}?q=example").content.decode()

    assert "Asked by phone" in found
    assert "Asked by phone" not in not_found


def test_member_counts_link_to_the_members_and_cost_no_query_a_row(
    client: Client, make_contacts: ContactMaker, friends: Segment
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(url(Segment))
        return len(captured)

    few = queries()
    for contact in make_contacts(3):
        contact.segments.add(friends)
    Segment.objects.bulk_create(Segment(name=f"S{n}") for n in range(20))

    assert queries() == few
    html = client.get(url(Segment)).content.decode()
    assert f'<a href="{url(Contact)}?segment={friends.pk}">3</a>' in html


def test_a_topic_counts_opt_ins_and_opt_outs(
    client: Client, make_contacts: ContactMaker, news: Topic
) -> None:
    first, second, third = make_contacts(3)
    TopicSubscription.objects.create(contact=first, topic=news, subscription="opt_in")
    second.opt_out(news)
    third.opt_out(news)

    html = client.get(url(Topic)).content.decode()

    assert '<td class="field-opted_in">1</td><td class="field-opted_out">2</td>' in html


def test_a_topics_default_can_be_chosen_once(client: Client) -> None:
    values = {"name": "News", "default_subscription": "opt_out", "visibility": "public"}
    save(client, url(Topic, "add"), **values)
    topic = Topic.objects.get()
    assert topic.default_subscription == "opt_out"

    save(client, url(Topic, "change", topic.pk), name="Events", default_subscription="opt_in")

    topic.refresh_from_db()
    assert (topic.name, topic.default_subscription) == ("Events", "opt_out")


def test_a_propertys_key_and_type_can_be_chosen_once(client: Client) -> None:
    save(client, url(ContactProperty, "add"), key="seats", type="number")
    seats = ContactProperty.objects.get()

    save(client, url(ContactProperty, "change", seats.pk), key="chairs", type="string")

    seats.refresh_from_db()
    assert (seats.key, seats.type) == ("seats", "number")


@pytest.mark.parametrize(
    ("type_", "typed", "stored"),
    [("number", "4", 4), ("number", "1.5", 1.5), ("string", "4", "4"), ("string", "", None)],
)
def test_a_fallback_is_typed_as_plain_text_and_stored_as_the_propertys_type(
    client: Client, type_: str, typed: str, stored: Any
) -> None:
    save(client, url(ContactProperty, "add"), key="seats", type=type_, fallback_value=typed)
    assert ContactProperty.objects.get().fallback_value == stored

    OutboxEntry.objects.all().delete()
    save(client, url(ContactProperty, "change", ContactProperty.objects.get().pk))

    assert ContactProperty.objects.get().fallback_value == stored
    assert not OutboxEntry.objects.exists()


@pytest.mark.parametrize("typed", ["many", "nan", "inf"])
def test_a_fallback_that_is_no_number_is_a_form_error(client: Client, typed: str) -> None:
    values = {"key": "seats", "type": "number", "fallback_value": typed}

    answer = save(client, url(ContactProperty, "add"), **values)

    assert "Enter a number." in answer.content.decode()


def test_deleting_a_segment_counts_its_members_and_says_it_goes_at_resend_too(
    client: Client, make_contacts: ContactMaker, friends: Segment
) -> None:
    for contact in make_contacts(3):
        contact.segments.add(friends)

    html = client.get(url(Segment, "delete", friends.pk)).content.decode()
    assert "Segment memberships: 3" in html
    assert "deleted at Resend too" in html

    client.post(url(Segment, "delete", friends.pk), {"post": "yes"})
    assert not Segment.objects.exists()
    assert Contact.objects.count() == 3


def test_deleting_several_segments_asks_first(client: Client, friends: Segment) -> None:
    data = {"action": "delete_selected", "_selected_action": friends.pk}

    html = client.post(url(Segment), data).content.decode()
    assert "Segments: 1" in html
    assert Segment.objects.exists()

    client.post(url(Segment), {**data, "post": "yes"})
    assert not Segment.objects.exists()


def test_who_may_not_delete_is_refused(client_with: UserMaker, friends: Segment) -> None:
    client = client_with("view_segment", "change_segment")

    answer = client.post(url(Segment, "delete", friends.pk), {"post": "yes"})

    assert answer.status_code == 403
    assert Segment.objects.exists()


def test_pages_hold_no_script_or_style_of_their_own(
    client: Client, contact: Contact, friends: Segment, news: Topic
) -> None:
    """A strict content security policy lets the app's own templates through."""
    contact.unsubscribed = True
    contact.save()
    action = {"action": "add_to_segments", "_selected_action": contact.pk}
    pages = [
        client.post(url(Contact), action),
        client.get(f"{url(Contact)}{contact.pk}/opt-in/"),
    ]

    for page in pages:
        content = page.content.decode().partition('id="content"')[2].partition("</main>")[0]
        assert "<script" not in content
        assert "<style" not in content
        assert "style=" not in content
        assert " on" not in {part[:3] for part in content.split("<")}
