"""An explicit opt-in that isn't at Resend yet: taken back, or made while something is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from django_resend.models import Contact, OutboxEntry, Subscription, Topic, TopicSubscription
from django_resend.models.bulk import unsubscribe_from_topics
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Throttle, client_of, later

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(resend_fake: FakeResend) -> FakeResend:
    """Both sides agree that Ada opted out of everything."""
    board = resend_fake.dashboard
    board.create_topic("News", "opt_in")
    board.create_contact("ada@example.org", unsubscribed=True, topics={"News": "opt_out"})
    pull_all()
    return resend_fake


def call(contact: Contact, topic: Topic) -> None:
    contact.opt_out(topic)


def save(contact: Contact, topic: Topic) -> None:
    row = TopicSubscription.objects.get(contact=contact, topic=topic)
    row.subscription = Subscription.OPT_OUT
    row.save()


def save_one_field(contact: Contact, topic: Topic) -> None:
    row = TopicSubscription.objects.get(contact=contact, topic=topic)
    row.subscription = Subscription.OPT_OUT
    row.save(update_fields=["subscription"])


def update(contact: Contact, topic: Topic) -> None:
    rows = TopicSubscription.objects.filter(contact=contact, topic=topic)
    rows.update(subscription=Subscription.OPT_OUT)


def bulk_update(contact: Contact, topic: Topic) -> None:
    row = TopicSubscription.objects.get(contact=contact, topic=topic)
    row.subscription = Subscription.OPT_OUT
    TopicSubscription.objects.bulk_update([row], ["subscription"])


def bulk(contact: Contact, topic: Topic) -> None:
    unsubscribe_from_topics(Contact.objects.all(), [topic])


@pytest.mark.parametrize("opt_out", [call, save, save_one_field, update, bulk_update, bulk])
@pytest.mark.parametrize("pulled", [True, False])
def test_a_topic_opted_out_of_again_before_the_push_stays_so(
    site: FakeResend, opt_out: Callable[[Contact, Topic], None], pulled: bool
) -> None:
    """The opt-out here is newer than the opt-in that the person made at Resend meanwhile."""
    contact, news = Contact.objects.get(), Topic.objects.get()
    contact.opt_in(news, by="clerk", reason="asked")
    site.dashboard.choose_topic("ada@example.org", "News", "opt_in")
    opt_out(contact, news)
    if pulled:
        with later():
            pull_all()
    with later(hours=2):
        assert push_outbox().complete
    assert site.state()["contacts"][0]["topics"] == {news.remote_id: "opt_out"}
    assert TopicSubscription.objects.get().subscription == "opt_out"
    assert differences(site) == []


@pytest.fixture
def letter(site: FakeResend) -> Topic:
    """A topic that nobody gets unasked."""
    site.dashboard.create_topic("Letter", "opt_out")
    with later():
        pull_all()
    topic: Topic = Topic.objects.get(name="Letter")
    return topic


def settle() -> None:
    OutboxEntry.objects.update(next_attempt_at=timezone.now())
    assert push_outbox().complete


@pytest.mark.parametrize("listing", ["all", "explicit"])
@pytest.mark.parametrize("opted_out", [True, False])
def test_an_opt_in_made_while_the_contact_is_created_is_sent(
    site: FakeResend, letter: Topic, listing: str, opted_out: bool
) -> None:
    site.quirks["topics_listing"] = listing
    bo = Contact.objects.create(email="bo@example.org")
    if opted_out:
        bo.opt_out(letter)
    opt_in = Throttle(2, lambda: bo.opt_in(letter, by="clerk", reason="asked"))
    push_outbox(client=client_of(site, opt_in))
    settle()
    assert TopicSubscription.objects.get(contact=bo, topic=letter).subscription == "opt_in"
    assert differences(site) == []


@pytest.mark.usefixtures("sleeps")
def test_an_opt_in_made_during_an_import_that_a_pull_meets_first_is_sent(
    site: FakeResend, letter: Topic, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "BULK_THRESHOLD": 1}
    site.quirks["topics_listing"], site.quirks["import_seconds"] = "all", 30
    bo = Contact.objects.create(email="bo@example.org")
    push_outbox(seconds=60)
    bo.opt_in(letter, by="clerk", reason="asked")
    with later(hours=2):
        pull_all(deep=True)
        push_outbox()
    settle()
    assert TopicSubscription.objects.get(contact=bo, topic=letter).subscription == "opt_in"
    assert differences(site) == []


def assign(contact: Contact) -> None:
    contact.unsubscribed = True
    contact.save()


def update_all(contact: Contact) -> None:
    Contact.objects.filter(pk=contact.pk).update(unsubscribed=True)


def bulk_update_all(contact: Contact) -> None:
    contact.unsubscribed = True
    Contact.objects.bulk_update([contact], ["unsubscribed"])


@pytest.mark.parametrize("leave", [assign, update_all, bulk_update_all])
@pytest.mark.parametrize("pulled", [True, False])
def test_who_leaves_again_before_the_push_stays_out(
    site: FakeResend, leave: Callable[[Contact], None], pulled: bool
) -> None:
    contact = Contact.objects.get()
    contact.resubscribe(by="clerk", reason="asked")
    site.dashboard.resubscribe("ada@example.org")
    leave(contact)
    if pulled:
        with later():
            pull_all()
    with later(hours=2):
        assert push_outbox().complete
    contact.refresh_from_db()
    assert contact.unsubscribed
    assert differences(site) == []


def test_an_opt_in_by_an_instance_that_was_loaded_before_the_first_push_is_sent(
    site: FakeResend, letter: Topic
) -> None:
    bo = Contact.objects.create(email="bo@example.org")
    assert push_outbox().complete
    bo.opt_in(letter, by="clerk", reason="asked")
    assert push_outbox().complete
    assert TopicSubscription.objects.get(contact=bo, topic=letter).subscription == "opt_in"
    assert differences(site) == []
