"""What the site is told of news from Resend: after the commit, whatever brought them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.dispatch import Signal
from django.test.utils import CaptureQueriesContext

from django_resend import signals
from django_resend.client.rows import ContactRow
from django_resend.models import Contact, Topic
from django_resend.sync.apply import apply_contacts
from django_resend.sync.news import (
    announce_changed,
    announce_choices,
    announce_created,
    announce_deleted,
)
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox

from .conftest import Hooks, later

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = (
    "contact_created",
    "contact_changed",
    "contact_unsubscribed",
    "topic_subscription_changed",
    "contact_deleted",
)
ADA = "ada@example.org"


class Heard(list[tuple[str, dict[str, Any]]]):
    """What was sent, by name; the arguments without those of every signal."""

    def names(self) -> list[str]:
        return [name for name, _ in self]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [arguments for sent, arguments in self if sent == name]


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    receivers: list[tuple[Signal, Callable[..., None]]] = []
    for name in NAMES:

        def note(signal: Signal, sender: object, name: str = name, **arguments: Any) -> None:
            assert not connection.in_atomic_block
            heard.append((name, arguments))

        signal = getattr(signals, name)
        signal.connect(note)
        receivers.append((signal, note))
    yield heard
    for signal, note in receivers:
        signal.disconnect(note)


def webhook(hooks: Hooks) -> None:
    hooks.apply()


def pull(hooks: Hooks) -> None:
    hooks.hold()
    pull_all()


Bring = Callable[[Hooks], None]
both = pytest.mark.parametrize("bring", [webhook, pull])


@both
def test_a_contact_made_at_resend_is_announced(hooks: Hooks, heard: Heard, bring: Bring) -> None:
    hooks.fake.dashboard.create_contact(ADA, unsubscribed=True)
    bring(hooks)

    (told,) = heard.of("contact_created")
    assert told["contact"].pk == Contact.objects.get().pk
    assert heard.names() == ["contact_created"]


@both
def test_an_unsubscribe_is_announced_with_the_fields(
    hooks: Hooks, heard: Heard, bring: Bring
) -> None:
    hooks.fake.dashboard.create_contact(ADA)
    pull(hooks)
    heard.clear()
    with later():
        hooks.fake.dashboard.edit_contact(ADA, first_name="Ada", unsubscribed=True)
        bring(hooks)

    assert sorted(heard.names()) == ["contact_changed", "contact_unsubscribed"]
    (changed,) = heard.of("contact_changed")
    assert changed["fields"] == {"first_name", "unsubscribed"}
    assert changed["contact"].first_name == "Ada"


@both
def test_a_topic_choice_is_announced(hooks: Hooks, heard: Heard, bring: Bring) -> None:
    hooks.fake.dashboard.create_topic("News", "opt_in")
    hooks.fake.dashboard.create_contact(ADA)
    pull(hooks)
    assert heard.names() == ["contact_created"]
    heard.clear()
    with later():
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
        bring(hooks)

    ((name, told),) = heard
    assert name == "topic_subscription_changed"
    assert (told["contact"].email, told["topic"], told["subscription"]) == (
        ADA,
        Topic.objects.get(),
        "opt_out",
    )


@both
def test_a_deletion_is_announced_with_the_contact_as_it_was(
    hooks: Hooks, heard: Heard, bring: Bring
) -> None:
    hooks.fake.dashboard.create_contact(ADA, first_name="Ada")
    pull(hooks)
    pk = Contact.objects.get().pk
    heard.clear()
    with later():
        hooks.fake.dashboard.delete_contact(ADA)
        bring(hooks)

    ((name, told),) = heard
    assert (name, told["contact"].pk, told["contact"].first_name) == ("contact_deleted", pk, "Ada")


def test_our_own_changes_and_their_echoes_are_no_news(hooks: Hooks, heard: Heard) -> None:
    contact = Contact.objects.create(email=ADA, first_name="Ada")
    contact.unsubscribed = True
    contact.save()
    push_outbox()
    hooks.apply()
    with later():
        pull_all()

    assert heard == []


def test_what_was_rolled_back_is_not_announced(hooks: Hooks, heard: Heard) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        apply_contacts([ContactRow.read({"id": "c-1", "email": ADA})], fetched_at=None)
        _ = 1 / 0

    assert heard == []


def test_a_receiver_that_fails_disturbs_nobody(
    hooks: Hooks, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**kwargs: Any) -> None:
        raise ZeroDivisionError

    signals.contact_created.connect(fail)
    try:
        hooks.fake.dashboard.create_contact(ADA)
        hooks.apply()
    finally:
        signals.contact_created.disconnect(fail)
    assert heard.names() == ["contact_created"]
    assert "ZeroDivisionError" in caplog.text


def test_where_nobody_listens_nothing_is_read_or_kept(hooks: Hooks) -> None:
    contact = Contact.objects.create(email=ADA)
    topic = Topic.objects.create(name="News", default_subscription="opt_in")
    with transaction.atomic():
        before = len(connection.run_on_commit)
        with CaptureQueriesContext(connection) as queries:
            announce_created([contact])
            announce_changed([(contact, {"unsubscribed"})])
            announce_choices([(contact.pk, topic, "opt_out")])
            announce_deleted([contact])
        assert len(queries) == 0
        assert len(connection.run_on_commit) == before
