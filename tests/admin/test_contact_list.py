"""The list of contacts: what it shows, finds and filters, and what it costs."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_resend.admin.search import search_contacts
from django_resend.models import (
    Contact,
    ContactProperty,
    Kind,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)

from .conftest import ContactMaker
from .pages import start_action, url


def shown(client: Client, query: str = "") -> list[str]:
    """The addresses that the list shows."""
    page = client.get(f"{url(Contact)}?{query}")
    assert page.status_code == 200
    return [contact.email for contact in page.context["cl"].result_list]


def text(client: Client, query: str = "") -> str:
    html = client.get(f"{url(Contact)}?{query}").content.decode()
    table = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", table).split())


def test_a_row_tells_address_name_subscription_segments_and_sync_state(
    client: Client, contact: Contact
) -> None:
    names = ["Alumni", "Buyers", "Critics"]
    segments = Segment.objects.bulk_create(Segment(name=name) for name in names)
    SegmentMembership.untracked.bulk_create(
        SegmentMembership(contact=contact, segment=segment) for segment in segments
    )

    assert text(client) == "p00000@example.org Ada subscribed in step Alumni, Buyers and 1 more"


def test_sync_states_are_plain_words(client: Client, make_contacts: ContactMaker) -> None:
    waiting, refused, only_here, _in_step = make_contacts(4)
    OutboxEntry.objects.record(Kind.CONTACT, [waiting.pk, refused.pk])
    OutboxEntry.objects.filter(object_id=refused.pk).update(state="refused")
    Contact.untracked.filter(pk=only_here.pk).update(remote_id=None)

    rows = [text(client, f"q={address}") for address in shown(client)]
    words = [row.partition("subscribed ")[2].removesuffix(" -") for row in rows]

    assert words == ["waiting", "refused", "only here", "in step"]
    assert shown(client, "sync_state=pending") == [waiting.email]
    assert shown(client, "sync_state=refused") == [refused.email]
    assert shown(client, "sync_state=only_here") == [only_here.email]
    assert shown(client, "sync_state=in_step") == ["p00003@example.org"]


def test_what_a_person_should_look_at_is_marked_and_found(
    client: Client, make_contacts: ContactMaker
) -> None:
    held, _other = make_contacts(2)
    Contact.untracked.filter(pk=held.pk).update(attention=Contact.Attention.HELD)

    assert text(client).count("attention") == 1
    assert shown(client, "attention__exact=held") == [held.email]
    page = client.get(url(Contact, "change", held.pk)).content.decode()
    assert "Opted in at Resend: waits for a person" in page


def test_filters_by_subscription_and_segment(
    client: Client, make_contacts: ContactMaker, friends: Segment
) -> None:
    reader, leaver = make_contacts(2)
    Contact.objects.filter(pk=leaver.pk).update(unsubscribed=True)
    reader.segments.add(friends)

    assert shown(client, "unsubscribed=1") == [leaver.email]
    assert shown(client, "unsubscribed=0") == [reader.email]
    assert shown(client, f"segment={friends.pk}") == [reader.email]


@pytest.mark.parametrize("default", ["opt_in", "opt_out"])
def test_filters_by_what_holds_for_a_topic_also_where_only_its_default_does(
    client: Client, make_contacts: ContactMaker, default: str
) -> None:
    news = Topic.objects.create(name="News", default_subscription=default)
    reader, refuser, undecided = make_contacts(3)
    TopicSubscription.objects.create(contact=reader, topic=news, subscription="opt_in")
    refuser.opt_out(news)
    by_choice = {"opt_in": [reader.email], "opt_out": [refuser.email]}
    by_choice[default].append(undecided.email)

    assert shown(client, f"topic={news.pk}-opt_in") == by_choice["opt_in"]
    assert shown(client, f"topic={news.pk}-opt_out") == by_choice["opt_out"]


@pytest.mark.parametrize(
    "query",
    [
        "segment=x",
        "segment=99",
        "topic=x",
        "topic=99-opt_in",
        "unsubscribed=x",
        "sync_state=x",
    ],
)
def test_a_filter_for_something_unknown_finds_nobody(
    client: Client, contact: Contact, query: str
) -> None:
    assert shown(client, query) == []


def test_filters_can_show_how_many_each_choice_finds(
    client: Client, make_contacts: ContactMaker, friends: Segment, news: Topic
) -> None:
    reader, _other, refuser = make_contacts(3)
    reader.segments.add(friends)
    refuser.opt_out(news)

    html = client.get(f"{url(Contact)}?_facets=True").content.decode()

    assert "Friends (1)" in html
    assert "News: opted in (2)" in html
    assert "subscribed (3)" in html


def test_finds_by_the_beginning_of_an_address_whatever_the_letter_case(
    client: Client, make_contacts: ContactMaker
) -> None:
    make_contacts(12)

    assert shown(client, "q=P0001") == ["p00010@example.org", "p00011@example.org"]
    assert shown(client, "q=example.org") == []


def test_finds_by_the_beginnings_of_names_each_word_somewhere(client: Client) -> None:
    Contact.objects.create(email="a@example.org", first_name="Grace", last_name="Hopper")
    Contact.objects.create(email="b@example.org", first_name="Grace", last_name="Kelly")

    assert shown(client, "q=grace") == ["a@example.org", "b@example.org"]
    assert shown(client, "q=grace+hop") == ["a@example.org"]


def test_the_list_costs_the_same_queries_however_many_rows_it_shows(
    client: Client, make_contacts: ContactMaker, friends: Segment
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(url(Contact))
        return len(captured)

    make_contacts(2)
    few = queries()
    SegmentMembership.untracked.bulk_create(
        SegmentMembership(contact=contact, segment=friends) for contact in make_contacts(60)
    )

    assert queries() == few <= 12


def test_the_count_is_one_plain_count_without_the_columns_of_the_list(
    client: Client, make_contacts: ContactMaker
) -> None:
    make_contacts(2)
    with CaptureQueriesContext(connection) as captured:
        client.get(url(Contact))

    counts = [q["sql"] for q in captured.captured_queries if "COUNT(" in q["sql"]]
    assert len(counts) == 1
    assert "outbox" not in counts[0]
    assert "WHERE" not in counts[0]


def test_the_list_does_not_read_the_raw_json_of_its_rows(
    client: Client, make_contacts: ContactMaker
) -> None:
    make_contacts(2)
    with CaptureQueriesContext(connection) as captured:
        client.get(url(Contact))

    assert not [q for q in captured.captured_queries if "raw" in q["sql"]]


def test_finds_by_the_value_of_a_property(client: Client, make_contacts: ContactMaker) -> None:
    city = ContactProperty.objects.create(key="city")
    seats = ContactProperty.objects.create(key="seats", type="number")
    (oslo,) = make_contacts(1, properties={"city": "Oslo", "seats": 4})
    (rome,) = make_contacts(1, properties={"city": "Rome", "seats": 1.5})
    (nowhere,) = make_contacts(1)

    assert shown(client, f"property={city.pk}&property_value=Oslo") == [oslo.email]
    assert shown(client, f"property={seats.pk}&property_value=4") == [oslo.email]
    assert shown(client, f"property={seats.pk}&property_value=1.5") == [rome.email]
    assert shown(client, f"property={city.pk}&property_value=") == [nowhere.email]
    assert shown(client, f"property={seats.pk}&property_value=many") == []
    assert shown(client, "property=99&property_value=x") == []


@pytest.mark.parametrize("key", ["contains", "isnull", "in", "exact"])
def test_a_property_may_be_named_like_a_lookup(
    client: Client, make_contacts: ContactMaker, key: str
) -> None:
    named = ContactProperty.objects.create(key=key)
    (contact,) = make_contacts(1, properties={key: "x"})

    assert shown(client, f"property={named.pk}&property_value=x") == [contact.email]


def test_the_property_filter_keeps_the_other_filters(
    client: Client, make_contacts: ContactMaker
) -> None:
    city = ContactProperty.objects.create(key="city")
    make_contacts(1, properties={"city": "Oslo"})
    query = f"unsubscribed=0&property={city.pk}&property_value=Oslo"

    html = client.get(f"{url(Contact)}?{query}").content.decode()

    assert '<input type="hidden" name="unsubscribed" value="0">' in html
    assert 'name="property_value" value="Oslo"' in html
    assert '<a href="?unsubscribed=0">Clear</a>' in html


@pytest.mark.parametrize("term", ["p0001", "Gra", "hop", "gra hop"])
def test_a_search_uses_the_indexes(make_contacts: ContactMaker, term: str) -> None:
    make_contacts(30, first_name="Grace", last_name="Hopper")
    found = search_contacts(Contact.untracked.all(), term)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # so few rows need no index

    plan = found.explain().lower()

    if connection.vendor == "mysql":
        assert "email_key,django_resend_contact_first_key" in plan  # all of them can be used
        return
    assert "index" in plan
    assert not re.search(r"\bscan django_resend_contact\b|seq scan", plan), plan
    assert "resend_contact_unsub" not in plan


@pytest.mark.parametrize("word", ["Émile", "100%", "a_b", "'", "\\"])
def test_a_name_is_found_whatever_its_letters(client: Client, word: str) -> None:
    Contact.objects.create(email="a@example.org", first_name=f"{word}x")
    Contact.objects.create(email="b@example.org", first_name="100 aab")

    assert shown(client, urlencode({"q": word})) == ["a@example.org"]


def test_a_very_long_list_is_counted_to_its_cap_only(
    client: Client, make_contacts: ContactMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_resend.admin.paginator.COUNTED_AT_MOST", 10)
    make_contacts(12)

    page = client.get(url(Contact))

    assert page.context["cl"].result_count == 10
    assert "More than 10 contacts match" in page.content.decode()
    confirm = start_action(client, url(Contact), "unsubscribe", [1], across=True)
    assert "<strong>12</strong> contacts are selected." in confirm.content.decode()
