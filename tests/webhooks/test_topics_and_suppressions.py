"""contact.topics.updated, topic.* and suppression.*: what they do to the mirror, at what cost."""

from __future__ import annotations

from typing import Any

import pytest

from django_resend.models import Contact, OutboxEntry, Suppression, Topic, TopicSubscription
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from tests.oracle import differences

from .conftest import Hooks, later

pytestmark = pytest.mark.django_db

ADA = "ada@example.org"


@pytest.fixture
def news(hooks: Hooks) -> Topic:
    """A topic and a contact, pulled an hour ago."""
    hooks.fake.dashboard.create_topic("News", "opt_in")
    hooks.fake.dashboard.create_contact(ADA)
    hooks.hold()
    pull_all()
    return Topic.objects.get()


def choice(topic: Topic) -> str:
    row: TopicSubscription = TopicSubscription.objects.get(topic=topic, contact__email=ADA)
    return row.subscription


def test_an_opt_out_of_a_topic_arrives_without_a_call(hooks: Hooks, news: Topic) -> None:
    with later():
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
        hooks.apply()

        assert choice(news) == "opt_out"
        assert hooks.fake.ledger.total == 0
        assert not OutboxEntry.objects.exists()


def test_an_opt_in_to_a_topic_is_asked_for(hooks: Hooks, news: Topic) -> None:
    with later():
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
        hooks.apply()
    with later(hours=2):
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_in")
        hooks.apply()

    assert choice(news) == "opt_in"
    assert hooks.fake.ledger.by_route == {"GET /contacts/{id}/topics": 1}


def test_an_older_choice_that_comes_later_is_ignored_without_a_call(
    hooks: Hooks, news: Topic
) -> None:
    with later():
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
        (old,) = hooks.hold()
    with later(hours=2):
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_in")
        hooks.apply()
        hooks.fake.ledger.reset()
        hooks.send(old)
        hooks.apply()

    assert choice(news) == "opt_in"
    assert hooks.fake.ledger.total == 0


def test_choices_of_different_topics_do_not_outdate_each_other(hooks: Hooks, news: Topic) -> None:
    hooks.fake.dashboard.create_topic("Offers", "opt_in")
    hooks.apply()
    with later():
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
        first = hooks.hold()
        hooks.fake.clock.advance(60)
        hooks.fake.dashboard.choose_topic(ADA, "Offers", "opt_out")
        hooks.apply()
        hooks.send(first[0])
        hooks.apply()

    chosen = TopicSubscription.objects.values_list("topic__name", "subscription")
    assert set(chosen) == {("News", "opt_out"), ("Offers", "opt_out")}


def test_our_own_choice_that_echoes_costs_no_call_and_no_write(hooks: Hooks, news: Topic) -> None:
    with later():
        Contact.objects.get().opt_out(news)
        push_outbox()
        before = list(TopicSubscription.untracked.values())
        hooks.apply()

        assert list(TopicSubscription.untracked.values()) == before
        assert hooks.fake.ledger.total == 0


def test_a_choice_of_an_unknown_topic_pulls_the_topics_once(hooks: Hooks, news: Topic) -> None:
    with later():
        hooks.fake.dashboard.create_topic("Offers", "opt_in")
        hooks.hold()
        hooks.fake.dashboard.choose_topic(ADA, "Offers", "opt_out")
        hooks.apply()

        assert choice(Topic.objects.get(name="Offers")) == "opt_out"
        assert hooks.fake.ledger.by_route["GET /topics"] == 1


def test_a_choice_of_an_unknown_contact_finds_it_by_address(hooks: Hooks, news: Topic) -> None:
    with later():
        hooks.fake.dashboard.create_contact("bo@example.org")
        hooks.hold()
        hooks.fake.dashboard.choose_topic("bo@example.org", "News", "opt_out")
        hooks.apply()

        assert differences(hooks.fake) == []


def test_a_choice_of_a_contact_that_is_gone_is_ignored(hooks: Hooks, news: Topic) -> None:
    with later():
        hooks.fake.dashboard.create_contact("bo@example.org")
        hooks.hold()
        hooks.fake.dashboard.choose_topic("bo@example.org", "News", "opt_out")
        hooks.deliver()
        hooks.fake.dashboard.delete_contact("bo@example.org")
        hooks.hold()
        report = hooks.apply()

    assert (report.ignored, report.failed) == (1, 0)
    assert Contact.objects.count() == 1


def test_a_pending_opt_out_here_beats_an_opt_in_there(hooks: Hooks, news: Topic) -> None:
    with later():
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_in")
        Contact.objects.get().opt_out(news)
        hooks.apply()
        push_outbox()

        assert choice(news) == "opt_out"
        assert differences(hooks.fake) == []


def test_topics_follow_their_events(hooks: Hooks, news: Topic) -> None:
    with later():
        hooks.fake.dashboard.create_topic("Offers", "opt_out", "What is cheap", "public")
        hooks.apply()
        assert hooks.fake.ledger.by_route == {"GET /topics/{id}": 1}
    with later(hours=2):
        hooks.fake.dashboard.edit_topic("News", name="Newsletter")
        hooks.apply()
        assert hooks.fake.ledger.total == 0
        hooks.fake.dashboard.delete_topic("Offers")
        hooks.apply()
        assert hooks.fake.ledger.by_route == {"GET /topics/{id}": 1}
        assert differences(hooks.fake) == []
    assert [topic.name for topic in Topic.objects.all()] == ["Newsletter"]


def test_our_own_topic_that_echoes_costs_no_call(hooks: Hooks, news: Topic) -> None:
    with later():
        Topic.objects.create(name="Offers", default_subscription="opt_in")
        news.name = "Newsletter"
        news.save()
        push_outbox()
        hooks.apply()

    assert hooks.fake.ledger.total == 0


def test_a_suppression_is_kept_by_address_and_taken_back(hooks: Hooks, news: Topic) -> None:
    with later():
        suppression = hooks.fake.team.suppress(ADA, "bounce")
        hooks.fake.team.suppress("later@example.org", "complaint")
        hooks.apply()

        ada: Any = Contact.objects.with_suppression().get()
        assert (ada.suppression_origin, ada.suppressed_at is not None) == ("bounce", True)
        assert not ada.unsubscribed
    with later(hours=2):
        Contact.objects.create(email="Later@Example.org")
        assert {c.email for c in Contact.objects.suppressed()} == {ADA, "Later@Example.org"}
        hooks.fake.team.unsuppress(suppression)
        hooks.apply()
    assert [c.email for c in Contact.objects.suppressed()] == ["Later@Example.org"]
    assert hooks.fake.ledger.total == 0


def test_suppressions_that_come_shuffled_end_with_the_last_word(hooks: Hooks) -> None:
    first = hooks.fake.team.suppress(ADA)
    hooks.fake.clock.advance(5)
    hooks.fake.team.unsuppress(first)
    added, removed = hooks.hold()
    hooks.send(removed)
    hooks.apply()
    hooks.send(added)
    hooks.apply()

    assert Suppression.objects.get().suppressed_at is None
