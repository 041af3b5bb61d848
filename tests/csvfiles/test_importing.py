"""What becomes of each line of a file, and of the contacts that are here."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from django_resend.csvfiles import applying
from django_resend.csvfiles.importing import tally
from django_resend.models import (
    Contact,
    ContactProperty,
    Kind,
    OutboxEntry,
    Segment,
    Subscription,
    Tombstone,
    Topic,
    TopicSubscription,
)
from tests.csvfiles.helpers import outcomes, run_import

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Contact:
    contact: Contact = Contact.objects.create(
        email="Ada@example.org", first_name="Ada", properties={"plan": "pro", "seats": 4}
    )
    OutboxEntry.objects.all().delete()
    return contact


@pytest.fixture
def properties() -> None:
    ContactProperty.objects.create(key="plan", type="string")
    ContactProperty.objects.create(key="seats", type="number")


@pytest.fixture
def news() -> Topic:
    topic: Topic = Topic.objects.create(name="News", default_subscription="opt_in", remote_id="t-1")
    return topic


def waiting() -> set[int]:
    entries = OutboxEntry.objects.filter(kind=Kind.CONTACT)
    return set(entries.values_list("object_id", flat=True))


def left_after_deletion(address: str, **values: Any) -> None:
    """A contact that opted out, was known at Resend and is deleted."""
    topics = values.pop("opted_out_of", [])
    contact = Contact.objects.create(email=address, remote_id="c-9", **values)
    for topic in topics:
        contact.opt_out(topic)
    contact.delete()


def test_new_addresses_become_contacts_that_wait_to_be_pushed(properties: None) -> None:
    content = "Email;First name;Last name;Unsubscribed;plan;seats\n"
    content += "Bob@Example.org;Bob;O'Hara;no;pro;3\n c@example.org ; ;;yes;;2.5\n"

    verdicts = run_import(content)

    bob, other = Contact.objects.order_by("pk")
    assert outcomes(verdicts) == ["new", "new"]
    assert (bob.email, bob.email_key) == ("Bob@Example.org", "bob@example.org")
    assert (bob.first_name, bob.last_name, bob.unsubscribed) == ("Bob", "O'Hara", False)
    assert bob.properties == {"plan": "pro", "seats": 3}
    assert (other.email, other.unsubscribed) == ("c@example.org", True)
    assert other.properties == {"seats": 2.5}
    assert waiting() == {bob.pk, other.pk}


def test_what_changes_is_told_with_old_and_new_value(ada: Contact, properties: None) -> None:
    content = "email,first_name,plan,seats,unsubscribed\nada@example.org,Augusta,pro,5,yes\n"

    (verdict,) = run_import(content)

    ada.refresh_from_db()
    assert verdict.outcome == "changed"
    assert verdict.detail == "first name: Ada → Augusta; seats: 4 → 5; broadcasts: unsubscribed"
    assert (ada.email, ada.first_name, ada.unsubscribed) == ("Ada@example.org", "Augusta", True)
    assert ada.properties == {"plan": "pro", "seats": 5}
    assert waiting() == {ada.pk}


def test_what_is_so_already_costs_no_write_and_no_outbox_entry(
    ada: Contact, properties: None
) -> None:
    before = Contact.objects.values().get()

    verdicts = run_import("email,first_name,plan,seats\nADA@example.org,Ada,pro,4.0\n")

    assert outcomes(verdicts) == ["unchanged"]
    assert Contact.objects.values().get() == before
    assert waiting() == set()


def test_an_empty_cell_says_nothing(ada: Contact, properties: None) -> None:
    content = "email,first_name,last_name,plan,unsubscribed\nada@example.org,, ,,\n"

    assert outcomes(run_import(content)) == ["unchanged"]


def test_a_short_line_says_nothing_of_what_it_lacks(ada: Contact, properties: None) -> None:
    assert outcomes(run_import("email,first_name,plan\nada@example.org\n")) == ["unchanged"]


def test_existing_contacts_can_be_left_as_they_are(ada: Contact) -> None:
    friends = Segment.objects.create(name="Friends")

    verdicts = run_import(
        "email,first_name\nada@example.org,Augusta\nbob@example.org,Bob\n",
        skip=True,
        segments=[friends],
    )

    ada.refresh_from_db()
    assert outcomes(verdicts) == ["skipped", "new"]
    assert ada.first_name == "Ada"
    assert [one.email for one in friends.contacts.all()] == ["bob@example.org"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ada@example,,,,", "“ada@example” is no e-mail address"),
        ("Ada <ada@example.org>,,,,", "is no e-mail address"),
        (",Ada,,,", "it has no e-mail address"),
        ("ada@example.org,Ada,4,no,,Lovelace", "it has 6 values for 5 columns"),
        ("ada@example.org,Ada,four,no,", "seats: “four” is not a number; write it like 1234.5"),
        ('ada@example.org,Ada,"4,5",no,', "seats: “4,5” is not a number"),
        ("ada@example.org,Ada,nan,no,", "seats: “nan” is not a number"),
        ("ada@example.org,Ada,1e999,no,", "seats: “1e999” is too large a number"),
        ("ada@example.org,Ada,4,perhaps,", "“perhaps” is neither yes nor no"),
        ("ada@example.org,A\0da,4,no,", "it holds a NUL character"),
        ('ada@example.org,"Ada,4,no,', "its quotes don't match"),
        ("ada@example.org,Ada,4,no,Nobody", "There is no segment “Nobody”"),
        ("ada@example.org,Ada,4,no,Twice", "Several have the name “Twice”"),
    ],
)
def test_a_line_that_can_not_be_right_is_refused_with_its_reason(
    line: str, reason: str, properties: None
) -> None:
    for _again in range(2):
        Segment.objects.create(name="Twice")
    content = f"email,first_name,seats,unsubscribed,segments\n{line}\nbob@example.org,,,,\n"

    refused, taken = run_import(content)

    assert (refused.outcome, refused.line) == ("refused", 2)
    assert reason in refused.detail
    assert (taken.outcome, taken.line) == ("new", 3)
    assert Contact.objects.get().email == "bob@example.org"


def test_of_a_repeated_address_the_first_line_counts() -> None:
    verdicts = run_import(
        "email,first_name\nada@example.org,Ada\nADA@example.org,Eve\nbob@example.org,\n"
    )

    assert outcomes(verdicts) == ["new", "refused", "new"]
    assert "earlier line" in verdicts[1].reason
    assert Contact.objects.for_address("ada@example.org").get().first_name == "Ada"


def test_a_repeated_address_is_met_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_resend.csvfiles.importing.BATCH_ROWS", 2)
    content = "email\na@example.org\nb@example.org\nc@example.org\nA@example.org\n"

    assert outcomes(run_import(content)) == ["new", "new", "new", "refused"]


def test_a_column_may_become_a_new_property() -> None:
    verdicts = run_import(
        "email,Shoe size\nada@example.org,38\nbob@example.org,big\n",
        mapping=["email", "property:shoe_size:number"],
    )

    assert outcomes(verdicts) == ["new", "refused"]
    assert ContactProperty.objects.get().type == "number"
    assert Contact.objects.get().properties == {"shoe_size": 38}
    assert OutboxEntry.objects.filter(kind=Kind.PROPERTY).exists()


@pytest.mark.parametrize(
    ("word", "unsubscribed"),
    [("yes", False), ("no", True), ("1", False), ("opt_out", True), ("Subscribed", False)],
)
def test_a_column_may_tell_who_is_subscribed_instead(word: str, unsubscribed: bool) -> None:
    run_import(f"email,subscribed\nada@example.org,{word}\n")

    assert Contact.objects.get().unsubscribed is unsubscribed


def test_nobody_who_unsubscribed_is_subscribed_by_a_file(ada: Contact) -> None:
    Contact.untracked.update(unsubscribed=True)

    (verdict,) = run_import("email,first_name,unsubscribed\nada@example.org,Augusta,no\n")

    ada.refresh_from_db()
    assert verdict.outcome == "changed"
    assert verdict.notes == ["unsubscribed, and stays so"]
    assert (ada.first_name, ada.unsubscribed) == ("Augusta", True)


def test_an_address_that_had_unsubscribed_comes_back_unsubscribed(news: Topic) -> None:
    left_after_deletion("ada@example.org", unsubscribed=True, opted_out_of=[news])

    (verdict,) = run_import(
        "email,unsubscribed,topic:News\nADA@example.org,no,opt_in\n", topics=[news]
    )

    contact = Contact.objects.get()
    assert (contact.unsubscribed, contact.attention) == (True, "recalled")
    assert contact.topicsubscription_set.get().subscription == "opt_out"
    assert "unsubscribed again" in verdict.detail
    assert len(verdict.notes) == 2


def test_segments_and_topics_are_applied_to_every_imported_contact(
    ada: Contact, news: Topic
) -> None:
    friends = Segment.objects.create(name="Friends")
    vip = Segment.objects.create(name="VIP; “gold”")
    ada.segments.add(friends)

    verdicts = run_import(
        'email,segments\nada@example.org,\nbob@example.org,"Friends; ""VIP; “gold”"""\n',
        segments=[friends],
        topics=[news],
    )

    bob = Contact.objects.for_address("bob@example.org").get()
    assert [one.detail for one in verdicts] == [
        "News: opted in",
        "segments: + Friends, VIP; “gold”; News: opted in",
    ]
    assert set(bob.segments.all()) == {friends, vip}
    assert TopicSubscription.objects.filter(subscription="opt_in").count() == 2


def test_nobody_who_opted_out_of_a_topic_is_opted_in_by_a_file(ada: Contact, news: Topic) -> None:
    offers = Topic.objects.create(name="Offers", default_subscription="opt_in")
    ada.opt_out(news)
    ada.opt_out(offers)

    (verdict,) = run_import("email,topic:Offers\nada@example.org,opt_in\n", topics=[news])

    assert verdict.outcome == "unchanged"
    assert verdict.notes == ["News: opted out of the topic", "Offers: opted out of the topic"]
    choices = TopicSubscription.objects.values_list("subscription", flat=True)
    assert set(choices) == {"opt_out"}


def test_a_remembered_opt_out_holds_for_a_contact_that_is_here_again(news: Topic) -> None:
    left_after_deletion("ada@example.org", opted_out_of=[news])
    Contact.objects.create(email="ada@example.org")

    (verdict,) = run_import("email\nada@example.org\n", topics=[news])

    assert verdict.notes == ["News: opted out of the topic before the contact was deleted"]
    assert not TopicSubscription.objects.exists()


def test_a_file_may_opt_people_out_of_topics(ada: Contact, news: Topic) -> None:
    TopicSubscription.objects.create(contact=ada, topic=news, subscription=Subscription.OPT_IN)
    OutboxEntry.objects.all().delete()

    verdicts = run_import("email,topic:News\nada@example.org,no\nbob@example.org,opt_out\n")

    assert [one.detail for one in verdicts] == ["News: opted in → opted out", "News: opted out"]
    choices = TopicSubscription.objects.values_list("subscription", flat=True)
    assert list(choices) == ["opt_out", "opt_out"]
    assert len(waiting()) == 2


def test_a_dry_run_gives_the_same_verdicts_and_writes_nothing(
    ada: Contact, news: Topic, properties: None
) -> None:
    content = "email,first_name,seats,x\nada@example.org,Augusta,5,1\nbob@example.org,,a,\n"
    content += "c@example.org,C,1,1\nada@example.org,,,\n,,,\n"
    mapping = ["email", "first_name", "property:seats", "property:x:number"]

    with CaptureQueriesContext(connection) as queries:
        planned = run_import(content, mapping=mapping, topics=[news], dry_run=True)
    done = run_import(content, mapping=mapping, topics=[news])

    assert all(one["sql"].startswith("SELECT") for one in queries)
    assert [(one.line, one.detail) for one in planned] == [(one.line, one.detail) for one in done]
    assert outcomes(planned) == outcomes(done) == ["changed", "refused", "new", "refused"]


def test_importing_again_changes_nothing(news: Topic) -> None:
    friends = Segment.objects.create(name="Friends")
    content = "email,first_name,unsubscribed\nada@example.org,Ada,yes\nbob@example.org,=1,no\n"
    run_import(content, segments=[friends], topics=[news])
    OutboxEntry.objects.all().delete()

    assert outcomes(run_import(content, segments=[friends], topics=[news])) == ["unchanged"] * 2
    assert waiting() == set()


def test_the_tally_counts_outcomes_and_what_consent_left(ada: Contact) -> None:
    Contact.untracked.update(unsubscribed=True)

    counts = tally(run_import("email,unsubscribed\nada@example.org,no\nx,\nbob@example.org,\n"))

    assert +counts == {"unchanged": 1, "refused": 1, "new": 1, "left": 1}


def test_the_calls_that_sending_takes_are_counted(ada: Contact, news: Topic) -> None:
    Segment.objects.create(name="Friends")
    content = "email,first_name,segments,topic:News\nada@example.org,Augusta,Friends,yes\n"
    content += "bob@example.org,,,\neve@example.org,,Friends,no\nx,,,\n"

    assert [one.calls for one in run_import(content)] == [4, 2, 4, 0]


def make_file(count: int, *, name: str) -> str:
    lines = (
        f"p{n}@example.org,{name},{n % 2},Friends,{'opt_in' if n % 2 else 'opt_out'},{n}"
        for n in range(count)
    )
    return "email,first_name,unsubscribed,segments,topic:News,seats\n" + "\n".join(lines)


def test_a_batch_costs_the_same_queries_however_many_records_it_holds(
    news: Topic, properties: None
) -> None:
    Segment.objects.create(name="Friends")
    counts = []
    for count in (4, 400):
        for name in ("Ada", "Eve"):
            with CaptureQueriesContext(connection) as queries:
                run_import(make_file(count, name=name))
            counts.append(len(queries))
        Contact.objects.all().delete()
        Tombstone.objects.all().delete()

    assert counts[:2] == counts[2:]
    assert max(counts) <= 40


def test_an_address_that_another_process_creates_meanwhile_is_met_at_the_next_try(
    monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    create = applying._create
    met: list[Any] = []

    def meet_another_process(verdicts: Any) -> None:
        if not met:
            met.append(verdicts)
            raise IntegrityError("duplicate key")
        create(verdicts)

    monkeypatch.setattr(applying, "_create", meet_another_process)

    assert outcomes(run_import("email\nada@example.org\n")) == ["new"]
    assert Contact.objects.count() == 1
