"""Actions on many contacts: what the page says first, what is written, what is sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_resend.models import (
    CallBudget,
    Contact,
    Job,
    OutboxEntry,
    Segment,
    Subscription,
    Suppression,
    Tombstone,
    Topic,
    TopicSubscription,
)

from .conftest import ContactMaker, UserMaker
from .pages import do_action, finish_action, form_values, start_action, text_of, url


@pytest.fixture
def contacts_url() -> str:
    return url(Contact)


def pks(contacts: list[Contact]) -> list[int]:
    return [contact.pk for contact in contacts]


def test_the_page_says_how_many_are_selected_and_changes_nothing_yet(
    client: Client, contacts_url: str, make_contacts: ContactMaker, friends: Segment
) -> None:
    contacts = make_contacts(3)
    contacts[0].segments.add(friends)

    page = start_action(client, contacts_url, "add_to_segments", pks(contacts))

    assert "<strong>3</strong> contacts are selected." in page.content.decode()
    assert "Friends (1 is in it already)" in page.content.decode()
    assert friends.memberships.count() == 1


@pytest.mark.parametrize(
    ("rate", "cost"),
    [
        (0, "at most 100 calls to Resend for"),
        (2, "at most 100 calls to Resend, about 50 seconds for"),
        (0.1, "at most 100 calls to Resend, about 17 minutes for"),
        (0.01, "at most 100 calls to Resend, about 3 hours for"),
    ],
)
def test_the_page_says_what_the_action_will_cost_at_resend(
    client: Client,
    contacts_url: str,
    make_contacts: ContactMaker,
    friends: Segment,
    settings: Any,
    rate: float,
    cost: str,
) -> None:
    settings.RESEND = {**settings.RESEND, "RATE_LIMIT": rate}

    page = start_action(client, contacts_url, "add_to_segments", pks(make_contacts(100)))

    assert cost in page.content.decode()


def test_the_cost_follows_the_rate_that_was_learned(
    client: Client, contacts_url: str, make_contacts: ContactMaker, friends: Segment
) -> None:
    CallBudget.objects.create(team="team", limit=10.0)

    page = start_action(client, contacts_url, "add_to_segments", pks(make_contacts(100)))

    assert "at most 100 calls to Resend, about 11 seconds" in page.content.decode()


def test_selected_contacts_are_added_to_the_chosen_segments(
    client: Client, contacts_url: str, make_contacts: ContactMaker, friends: Segment
) -> None:
    chosen, other = make_contacts(3), make_contacts(1)
    page = start_action(client, contacts_url, "add_to_segments", pks(chosen))

    done = do_action(client, contacts_url, page, chosen=friends.pk)

    assert "done 3 of 3" in done
    assert "Changed 3" in done
    assert set(friends.contacts.all()) == set(chosen)
    assert not other[0].segments.exists()


def test_selected_contacts_are_removed_from_the_chosen_segments(
    client: Client, contacts_url: str, make_contacts: ContactMaker, friends: Segment
) -> None:
    contacts = make_contacts(3)
    contacts[0].segments.add(friends)
    page = start_action(client, contacts_url, "remove_from_segments", pks(contacts))

    done = do_action(client, contacts_url, page, chosen=friends.pk)

    assert "Changed 1 Were so already 2" in done
    assert not friends.contacts.exists()


def test_subscribing_tells_who_is_left_out_before_and_after(
    client: Client, contacts_url: str, make_contacts: ContactMaker, news: Topic
) -> None:
    contacts = make_contacts(3)
    contacts[0].opt_out(news)
    page = start_action(client, contacts_url, "subscribe_to_topics", pks(contacts))
    assert "News (1 opted out: left out)" in page.content.decode()

    done = do_action(client, contacts_url, page, chosen=news.pk)

    assert "Changed 2 Opted out of the topic 1" in done
    stored = TopicSubscription.objects.get(contact=contacts[0], topic=news)
    assert stored.subscription == Subscription.OPT_OUT


def test_subscribing_tells_of_people_who_get_no_broadcasts_at_all(
    client: Client, contacts_url: str, make_contacts: ContactMaker, news: Topic
) -> None:
    contacts = make_contacts(2, unsubscribed=True)
    page = start_action(client, contacts_url, "subscribe_to_topics", pks(contacts))
    assert "2 of them have unsubscribed from all broadcasts" in page.content.decode()

    done = do_action(client, contacts_url, page, chosen=news.pk)

    assert "Of the changed: unsubscribed from all broadcasts 2" in done
    assert Contact.objects.filter(unsubscribed=True).count() == 2


def test_selected_contacts_are_opted_out_of_the_chosen_topics(
    client: Client, contacts_url: str, make_contacts: ContactMaker, news: Topic
) -> None:
    contacts = make_contacts(2)
    page = start_action(client, contacts_url, "unsubscribe_from_topics", pks(contacts))

    done = do_action(client, contacts_url, page, chosen=news.pk)

    assert "Changed 2" in done
    assert news.subscriptions.filter(subscription="opt_out").count() == 2


def test_all_means_all_that_the_filter_shows_without_naming_them_in_the_form(
    client: Client, contacts_url: str, make_contacts: ContactMaker, friends: Segment
) -> None:
    make_contacts(150, unsubscribed=False)
    gone = make_contacts(5, unsubscribed=True)
    filtered = f"{contacts_url}?unsubscribed=0"
    first_page = pks(list(Contact.objects.order_by("email_key")[:100]))
    page = start_action(client, filtered, "add_to_segments", first_page, across=True)
    assert "<strong>150</strong> contacts are selected." in page.content.decode()
    assert len(form_values(page)["_selected_action"]) == 1

    do_action(client, filtered, page, chosen=friends.pk)

    assert friends.contacts.count() == 150
    assert not friends.contacts.filter(pk__in=pks(gone)).exists()


def test_all_found_by_a_search_are_changed_and_no_others(
    client: Client, contacts_url: str, make_contacts: ContactMaker, friends: Segment
) -> None:
    make_contacts(12)
    searched = f"{contacts_url}?q=p0001"
    page = start_action(client, searched, "add_to_segments", [1], across=True)

    do_action(client, searched, page, chosen=friends.pk)

    emails = friends.contacts.values_list("email", flat=True)
    assert set(emails) == {"p00010@example.org", "p00011@example.org"}


def test_contacts_that_match_only_since_the_page_was_shown_are_asked_for_again(
    client: Client, contacts_url: str, make_contacts: ContactMaker, friends: Segment
) -> None:
    make_contacts(2)
    page = start_action(client, contacts_url, "add_to_segments", [1], across=True)
    make_contacts(1)

    again = finish_action(client, contacts_url, page, chosen=friends.pk)

    assert "More contacts match by now." in again.content.decode()
    assert not Job.objects.exists()
    do_action(client, contacts_url, again, chosen=friends.pk)
    assert friends.memberships.count() == 3


def test_choosing_nothing_asks_again(
    client: Client, contacts_url: str, contact: Contact, friends: Segment
) -> None:
    page = start_action(client, contacts_url, "add_to_segments", [contact.pk])

    again = finish_action(client, contacts_url, page)

    assert "Choose at least one." in again.content.decode()
    assert not Job.objects.exists()


def test_without_any_segment_the_page_says_so_and_has_no_button(
    client: Client, contacts_url: str, contact: Contact
) -> None:
    page = start_action(client, contacts_url, "add_to_segments", [contact.pk])

    assert "first add segments" in page.content.decode()
    assert 'class="default"' not in page.content.decode()


def test_a_get_never_runs_an_action(
    client: Client, contacts_url: str, contact: Contact, friends: Segment
) -> None:
    query: dict[str, Any] = {
        "action": "add_to_segments",
        "_selected_action": contact.pk,
        "chosen": friends.pk,
        "confirmed": 1,
    }

    client.get(contacts_url, query)

    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "action",
    [
        "add_to_segments",
        "remove_from_segments",
        "subscribe_to_topics",
        "unsubscribe_from_topics",
        "unsubscribe",
        "set_property",
        "pull_now",
        "retry",
        "delete_selected",
    ],
)
def test_who_may_only_look_can_run_no_action(
    client_with: UserMaker, contacts_url: str, contact: Contact, friends: Segment, action: str
) -> None:
    client = client_with("view_contact")
    contact.segments.add(friends)
    data = {"action": action, "_selected_action": contact.pk, "confirmed": 1, "chosen": 1}

    client.post(contacts_url, data)

    assert f'value="{action}"' not in client.get(contacts_url).content.decode()
    assert not Job.objects.exists()
    assert not LogEntry.objects.exists()


def test_one_line_in_the_admin_log_tells_who_did_what_to_how_many(
    client: Client, contacts_url: str, make_contacts: ContactMaker, friends: Segment
) -> None:
    page = start_action(client, contacts_url, "add_to_segments", pks(make_contacts(3)))

    finish_action(client, contacts_url, page, chosen=friends.pk)

    entry = LogEntry.objects.get()
    assert entry.user.get_username() == "marta"
    assert entry.object_repr == "3 contacts"
    assert entry.change_message == "Add to segments: Friends"
    assert client.get("/admin/").status_code == 200


def test_an_action_costs_the_same_queries_however_many_contacts_it_meets(
    client: Client, contacts_url: str, make_contacts: ContactMaker, news: Topic
) -> None:
    def queries(count: int) -> int:
        chosen = pks(make_contacts(count))
        page = start_action(client, contacts_url, "subscribe_to_topics", chosen)
        with CaptureQueriesContext(connection) as captured:
            finish_action(client, contacts_url, page, chosen=news.pk)
        return len(captured)

    queries(1)  # fills the content type cache
    # 60, because Django 5.2 gives SQLite at most 999 values an insert.
    assert queries(2) == queries(60)


def test_on_a_site_that_only_pulls_the_page_says_that_nothing_is_sent(
    client: Client, contacts_url: str, contact: Contact, friends: Segment, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "DIRECTION": "pull"}

    page = start_action(client, contacts_url, "add_to_segments", [contact.pk])

    assert "does not reach Resend" in page.content.decode()
    page = start_action(client, contacts_url, "delete_selected", [contact.pk])
    assert "deleted at Resend too" not in page.content.decode()


def test_deleting_many_names_none_of_them_and_remembers_their_opt_outs(
    client: Client, contacts_url: str, make_contacts: ContactMaker
) -> None:
    make_contacts(150, unsubscribed=True)
    page = start_action(client, contacts_url, "delete_selected", [1], across=True)
    assert "<strong>150</strong> contacts are selected." in page.content.decode()
    assert "p00042@example.org" not in page.content.decode()

    done = do_action(client, contacts_url, page)

    assert "Changed 150" in done
    assert not Contact.objects.exists()
    assert Tombstone.objects.filter(unsubscribed=True).count() == 150
    assert OutboxEntry.objects.exclude(remote_id="").count() == 150


def test_the_page_tells_of_addresses_that_resend_sends_nothing_to(
    client: Client, contacts_url: str, make_contacts: ContactMaker, friends: Segment
) -> None:
    contacts = make_contacts(2)
    for contact, suppressed_at in zip(contacts, (timezone.now(), None), strict=True):
        Suppression.objects.create(
            email=contact.email,
            email_key=contact.email_key,
            suppressed_at=suppressed_at,
            told_at=timezone.now(),
        )

    page = start_action(client, contacts_url, "add_to_segments", pks(contacts))

    assert "1 of them is suppressed: Resend sends nothing to the address." in text_of(page)


def test_addresses_that_opted_out_before_they_were_deleted_are_told(
    client: Client, contacts_url: str, make_contacts: ContactMaker, news: Topic
) -> None:
    (contact,) = make_contacts(1)
    Tombstone.objects.create(
        kind="contact",
        object_id=99,
        email_key=contact.email_key,
        topic_opt_outs=["t-1"],
        deleted_at=timezone.now(),
    )

    page = start_action(client, contacts_url, "subscribe_to_topics", [contact.pk])

    assert "1 address opted out of topics before its contact was deleted" in text_of(page)
