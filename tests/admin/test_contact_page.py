"""The page of one contact: what can be edited, what consent forbids, what it tells of the sync."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_resend.models import (
    ConsentError,
    ConsentRecord,
    Contact,
    ContactProperty,
    Job,
    Kind,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)

from .conftest import UserMaker
from .pages import form_values, save, text_of, told, url


@pytest.fixture
def page(contact: Contact) -> str:
    return url(Contact, "change", contact.pk)


@pytest.fixture
def seats() -> ContactProperty:
    return ContactProperty.objects.create(key="seats", type="number")


@pytest.fixture
def city() -> ContactProperty:
    return ContactProperty.objects.create(key="city", fallback_value="Paris")


def test_names_are_one_line_inputs(client: Client, page: str) -> None:
    html = client.get(page).content.decode()

    assert '<input type="text" name="first_name"' in html
    assert "<textarea" not in html


def test_a_saved_change_waits_in_the_outbox(client: Client, page: str, contact: Contact) -> None:
    saved = save(client, page, first_name="Augusta")

    assert saved.status_code == 302
    contact.refresh_from_db()
    assert contact.first_name == "Augusta"
    assert OutboxEntry.objects.get().object_id == contact.pk


def test_saving_without_a_change_sends_nothing(
    client: Client,
    page: str,
    contact: Contact,
    friends: Segment,
    news: Topic,
    city: Any,
    seats: Any,
) -> None:
    contact.segments.add(friends)
    contact.opt_out(news)
    Contact.untracked.filter(pk=contact.pk).update(
        properties={"seats": 4, "city": "", "old": True}, unsubscribed=True
    )
    OutboxEntry.objects.all().delete()

    assert save(client, page).status_code == 302

    assert not OutboxEntry.objects.filter(kind=Kind.CONTACT).exists()
    contact.refresh_from_db()
    assert contact.properties == {"seats": 4, "city": "", "old": True}


def test_another_contacts_address_is_refused_whatever_its_letter_case(
    client: Client, contact: Contact
) -> None:
    answer = save(client, url(Contact, "add"), email="P00000@Example.org")

    assert "Another contact has this address." in answer.content.decode()
    assert Contact.objects.count() == 1


def test_a_new_contact_can_be_added_with_a_segment_and_a_topic(
    client: Client, friends: Segment, news: Topic, city: ContactProperty
) -> None:
    offers = Topic.objects.create(name="Offers", default_subscription="opt_out")

    answer = save(
        client,
        url(Contact, "add"),
        email="new@example.org",
        in_segments=[friends.pk],
        on_topics=[news.pk, offers.pk],
        **{f"property_{city.pk}": "Oslo"},
    )

    assert answer.status_code == 302
    contact = Contact.objects.get(email="new@example.org")
    assert contact.properties == {"city": "Oslo"}
    assert contact.segments.get() == friends
    # What is so by default needs no choice of its own.
    choice = contact.topicsubscription_set.get()
    assert (choice.topic, choice.subscription) == (offers, "opt_in")


def test_properties_are_plain_inputs_of_their_type(
    client: Client, page: str, contact: Contact, city: ContactProperty, seats: ContactProperty
) -> None:
    Contact.untracked.filter(pk=contact.pk).update(properties={"city": "Oslo", "old": True})
    assert "Without a value: Paris" in client.get(page).content.decode()

    save(client, page, **{f"property_{seats.pk}": "12"})
    contact.refresh_from_db()
    assert contact.properties == {"city": "Oslo", "old": True, "seats": 12}

    save(client, page, **{f"property_{seats.pk}": "1.5", f"property_{city.pk}": ""})
    contact.refresh_from_db()
    assert contact.properties == {"old": True, "seats": 1.5}


def test_a_property_that_the_page_did_not_ask_for_keeps_its_value(
    client: Client, page: str, contact: Contact, city: ContactProperty
) -> None:
    Contact.untracked.filter(pk=contact.pk).update(properties={"city": "Oslo"})

    save(client, page, first_name="Augusta", **{f"property_{city.pk}": None})

    contact.refresh_from_db()
    assert (contact.first_name, contact.properties) == ("Augusta", {"city": "Oslo"})


def test_a_text_in_a_number_property_is_a_form_error(
    client: Client, page: str, seats: ContactProperty
) -> None:
    answer = save(client, page, **{f"property_{seats.pk}": "many"})

    assert "Enter a number." in answer.content.decode()


def test_unsubscribing_is_one_tick(client: Client, page: str, contact: Contact) -> None:
    save(client, page, unsubscribed="on")

    contact.refresh_from_db()
    assert contact.unsubscribed


def test_taking_the_tick_back_is_a_form_error(client: Client, page: str, contact: Contact) -> None:
    Contact.objects.filter(pk=contact.pk).update(unsubscribed=True)

    answer = save(client, page, unsubscribed=None, first_name="Augusta")

    assert answer.status_code == 200
    assert "This person has unsubscribed." in answer.content.decode()
    contact.refresh_from_db()
    assert (contact.unsubscribed, contact.first_name) == (True, "Ada")


def test_opting_in_to_a_topic_again_is_a_form_error(
    client: Client, page: str, contact: Contact, news: Topic
) -> None:
    contact.opt_out(news)

    answer = save(client, page, on_topics=[news.pk])

    assert answer.status_code == 200
    assert "This person opted out of the topic." in answer.content.decode()
    assert contact.topicsubscription_set.get().subscription == "opt_out"


def test_a_topic_opted_out_of_has_a_box_that_can_not_be_ticked(
    client: Client, page: str, contact: Contact, news: Topic
) -> None:
    contact.opt_out(news)

    html = client.get(page).content.decode()

    box = html.partition('name="on_topics"')[2].partition(">")[0]
    assert "disabled" in box
    assert "checked" not in box
    assert "News (opted out)" in html


def test_unticking_a_topic_opts_out_also_where_only_the_default_held(
    client: Client, page: str, contact: Contact, news: Topic
) -> None:
    assert "News (no choice yet: the default)" in client.get(page).content.decode()

    assert save(client, page, on_topics=None).status_code == 302

    assert contact.topicsubscription_set.get().subscription == "opt_out"


def test_unticking_a_topic_takes_an_opt_in_back(
    client: Client, page: str, contact: Contact, news: Topic
) -> None:
    row = TopicSubscription.objects.create(contact=contact, topic=news, subscription="opt_in")

    save(client, page, on_topics=None)

    changed = contact.topicsubscription_set.get()
    assert changed.subscription == "opt_out"
    assert changed.changed_at > row.changed_at


def test_an_opt_out_that_arrives_while_the_page_is_open_stands(
    client: Client, page: str, contact: Contact
) -> None:
    offers = Topic.objects.create(name="Offers", default_subscription="opt_out")
    opened = form_values(client.get(page))
    contact.opt_out(offers)

    client.post(page, {**opened, "first_name": "Augusta"})
    answer = client.post(page, {**opened, "on_topics": [offers.pk]})

    assert answer.status_code == 200
    contact.refresh_from_db()
    assert contact.first_name == "Augusta"
    assert contact.topicsubscription_set.get().subscription == "opt_out"


def test_what_changed_while_the_page_was_open_is_not_undone_by_saving_it(
    client: Client, page: str, contact: Contact, friends: Segment, news: Topic
) -> None:
    opened = form_values(client.get(page))
    contact.segments.add(friends)
    contact.opt_out(news)
    vips = Segment.objects.create(name="VIPs")

    client.post(page, {**opened, "on_topics": [], "in_segments": [vips.pk]})

    assert set(contact.segments.all()) == {friends, vips}
    assert contact.topicsubscription_set.get().subscription == "opt_out"


def test_an_opt_out_that_arrives_while_saving_is_told_and_nothing_is_saved(
    client: Client, page: str, contact: Contact
) -> None:
    with patch.object(Contact, "save", side_effect=ConsentError("just now")):
        answer = save(client, page, first_name="Augusta")

    assert answer.status_code == 302
    assert "opted out just now. Nothing was saved." in told(answer)
    contact.refresh_from_db()
    assert contact.first_name == "Ada"


def test_segments_are_joined_and_left_by_ticking(
    client: Client, page: str, contact: Contact, friends: Segment
) -> None:
    vips = Segment.objects.create(name="VIPs")
    contact.segments.add(friends)

    saved = save(client, page, in_segments=[vips.pk])

    assert saved.status_code == 302
    assert contact.segments.get() == vips
    assert "Changed Segments." in str(LogEntry.objects.get())


def test_a_segment_deleted_while_the_page_was_open_is_no_error(
    client: Client, page: str, contact: Contact, friends: Segment
) -> None:
    contact.segments.add(friends)
    opened = form_values(client.get(page))
    friends.delete()

    assert client.post(page, {**opened, "in_segments": []}).status_code == 302


def test_the_page_tells_what_resend_said_and_what_waits(
    client: Client, page: str, contact: Contact, friends: Segment, news: Topic
) -> None:
    Contact.untracked.filter(pk=contact.pk).update(
        base={"email": contact.email, "first_name": "Ad", "last_name": None, "unsubscribed": False}
    )
    gone = Segment.objects.create(name="Gone")
    SegmentMembership.untracked.bulk_create(
        [SegmentMembership(contact=contact, segment=gone, confirmed_at=contact.created_at)]
    )
    contact.segments.set([friends])
    contact.opt_out(news)
    OutboxEntry.objects.filter(kind=Kind.CONTACT).update(
        state="refused",
        error_status=422,
        error_name="validation_error",
        error_message="The name is <too> long.",
    )

    report = client.get(page).content.decode().partition("resend-report")[2].partition("</div>")[0]

    assert "refused" in report
    assert "422 validation_error: The name is &lt;too&gt; long." in report
    assert "take one of the values. Mend it and save." in report
    lines = [part.partition("</li>")[0] for part in report.split("<li>")[1:]]
    assert lines == [
        "First name",
        "Add to segment Friends",
        "Remove from segment Gone",
        "Topic News: opted out",
    ]


def test_a_contact_that_resend_does_not_know_is_to_be_created(
    client: Client, contact: Contact, page: str
) -> None:
    Contact.untracked.filter(pk=contact.pk).update(remote_id=None)
    OutboxEntry.objects.record(Kind.CONTACT, [contact.pk])

    assert "<li>Create the contact</li>" in client.get(page).content.decode()


def test_a_contact_in_step_has_nothing_to_be_sent(client: Client, page: str) -> None:
    html = client.get(page).content.decode()

    assert "in step" in html
    assert "To be sent:" not in html


def test_who_may_only_look_sees_everything_and_changes_nothing(
    client_with: UserMaker, page: str, contact: Contact, friends: Segment, news: Topic
) -> None:
    client = client_with("view_contact")
    contact.segments.add(friends)
    contact.opt_out(news)
    Contact.untracked.filter(pk=contact.pk).update(properties={"plan": "pro"})

    html = client.get(page).content.decode()

    assert all(word in html for word in ("Friends", "News", "plan", "p00000@example.org"))
    assert client.post(page, {"first_name": "Augusta"}).status_code == 403
    assert client.get(f"{url(Contact)}{contact.pk}/opt-in/").status_code == 403


def test_the_permission_to_change_contacts_is_enough_for_their_segments_and_topics(
    client_with: UserMaker, page: str, contact: Contact, friends: Segment
) -> None:
    client = client_with("change_contact", "view_segment")

    save(client, page, in_segments=[friends.pk])

    assert contact.segments.get() == friends


def test_the_page_costs_the_same_queries_however_much_the_contact_has(
    client: Client, page: str, contact: Contact, friends: Segment, news: Topic
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page).status_code == 200
        return len(captured)

    contact.segments.add(friends)
    contact.opt_out(news)
    contact.opt_in(news, by="nils", reason="Asked")
    queries()  # fills the content type cache
    few = queries()
    contact.segments.add(*Segment.objects.bulk_create(Segment(name=f"S{n}") for n in range(30)))
    for topic in Topic.objects.bulk_create(
        Topic(name=f"T{n}", default_subscription="opt_in") for n in range(30)
    ):
        contact.opt_in(topic, by="nils", reason="Asked")
    ContactProperty.objects.bulk_create(ContactProperty(key=f"p{n}") for n in range(30))

    assert queries() == few


def test_values_without_a_definition_are_told_and_kept(
    client: Client, page: str, contact: Contact, city: ContactProperty
) -> None:
    Contact.untracked.filter(pk=contact.pk).update(properties={"old": 7, "city": "Oslo"})

    assert "Other values: old: 7" in text_of(client.get(page))
    save(client, page, first_name="Augusta")

    contact.refresh_from_db()
    assert contact.properties == {"old": 7, "city": "Oslo"}


def test_the_page_tells_who_opted_the_person_in_again_and_why(
    client: Client, page: str, contact: Contact, news: Topic
) -> None:
    contact.opt_in(news, by="nils", reason="Asked by phone")

    assert "to News, by nils. Asked by phone" in text_of(client.get(page))


class TestButtons:
    @pytest.fixture
    def entry(self, contact: Contact) -> OutboxEntry:
        OutboxEntry.objects.record(Kind.CONTACT, [contact.pk])
        OutboxEntry.objects.update(state="refused", attempts=3)
        return OutboxEntry.objects.get()

    @pytest.mark.parametrize(
        ("button", "operation"), [("pull", "pull_contacts"), ("retry", "retry")]
    )
    def test_queue_what_they_say_for_this_contact_alone(
        self, client: Client, contact: Contact, entry: OutboxEntry, button: str, operation: str
    ) -> None:
        address = f"{url(Contact)}{contact.pk}/{button}/"
        assert (
            f'action="{address}"' in client.get(url(Contact, "change", contact.pk)).content.decode()
        )
        assert client.get(address).status_code == 405

        answer = client.post(address)

        job = Job.objects.get()
        assert (job.operation, job.total) == (operation, 1)
        assert answer["Location"] == url(Job, "change", job.pk)
        assert LogEntry.objects.get().object_id == str(contact.pk)

    def test_are_not_shown_where_they_could_do_nothing(
        self, client: Client, page: str, contact: Contact
    ) -> None:
        assert "/retry/" not in client.get(page).content.decode()
        Contact.untracked.filter(pk=contact.pk).update(remote_id=None)
        assert "/pull/" not in client.get(page).content.decode()

    @pytest.mark.parametrize("button", ["pull", "retry"])
    def test_are_not_for_those_who_may_only_look(
        self, client_with: UserMaker, contact: Contact, entry: OutboxEntry, button: str
    ) -> None:
        client = client_with("view_contact")

        assert f"/{button}/" not in client.get(url(Contact, "change", contact.pk)).content.decode()
        assert client.post(f"{url(Contact)}{contact.pk}/{button}/").status_code == 403
        assert client.post(f"{url(Contact)}99/{button}/").status_code == 404
        assert not Job.objects.exists()


class TestOptingInAgain:
    @pytest.fixture
    def opt_in(self, contact: Contact) -> str:
        return f"{url(Contact, 'changelist')}{contact.pk}/opt-in/"

    def test_records_who_and_why(
        self, client: Client, contact: Contact, news: Topic, opt_in: str
    ) -> None:
        contact.unsubscribed = True
        contact.save()
        contact.opt_out(news)

        save(client, opt_in, what=["all", str(news.pk)], reason="Asked by phone")

        contact.refresh_from_db()
        assert not contact.unsubscribed
        assert contact.topicsubscription_set.get().subscription == "opt_in"
        records = ConsentRecord.objects.values_list("by", "reason", "topic_name")
        assert set(records) == {
            ("marta", "Asked by phone", ""),
            ("marta", "Asked by phone", "News"),
        }
        assert "Opted in again to: all broadcasts, News." in LogEntry.objects.get().change_message

    @pytest.mark.parametrize("missing", ["what", "reason"])
    def test_needs_a_reason_and_a_choice(
        self, client: Client, contact: Contact, opt_in: str, missing: str
    ) -> None:
        contact.unsubscribed = True
        contact.save()
        data = {"what": "all", "reason": "Asked by phone"}
        del data[missing]

        answer = client.post(opt_in, data)

        assert "This field is required." in answer.content.decode()
        contact.refresh_from_db()
        assert contact.unsubscribed

    def test_offers_only_what_the_person_opted_out_of(
        self, client: Client, contact: Contact, news: Topic, opt_in: str
    ) -> None:
        contact.unsubscribed = True
        contact.save()

        answer = client.post(opt_in, {"what": news.pk, "reason": "Asked by phone"})

        assert answer.status_code == 200
        assert not ConsentRecord.objects.exists()

    def test_is_not_offered_to_whoever_has_not_opted_out(
        self, client: Client, page: str, opt_in: str
    ) -> None:
        assert "opt-in/" not in client.get(page).content.decode()
        answer = client.get(opt_in)
        assert answer["Location"] == page
        assert "has not opted out" in told(answer)

    def test_of_an_unknown_contact_is_not_found(self, client: Client) -> None:
        assert client.get(f"{url(Contact)}99/opt-in/").status_code == 404
