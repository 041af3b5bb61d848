"""Events that meet a push, a deletion or a namesake, and those that repeat or contradict others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django.utils.module_loading import import_string

from django_resend.models import (
    Contact,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
    WebhookEvent,
)
from django_resend.sync.events import apply_events
from django_resend.sync.events.claims import claim, release
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from tests.oracle import differences
from tests.sync.helpers import Throttle, client_of

from .conftest import Hooks, later

pytestmark = pytest.mark.django_db

ADA = "ada@example.org"


@pytest.fixture
def ada(hooks: Hooks) -> Contact:
    """A contact and a topic, pulled an hour ago."""
    hooks.fake.dashboard.create_topic("News", "opt_in")
    hooks.fake.dashboard.create_contact(ADA)
    hooks.hold()
    pull_all()
    contact: Contact = Contact.objects.get()
    return contact


def apply_while(hooks: Hooks, act: Callable[[], Any]) -> None:
    """Deliver and apply; something happens just before the first call."""
    hooks.deliver()
    apply_events(client=client_of(hooks.fake, Throttle(1, act)))


def save_and_push(contact: Contact) -> None:
    contact.first_name = "Ada"
    contact.save()
    push_outbox()


def settled(hooks: Hooks) -> None:
    with later(hours=3):
        hooks.apply()
    assert not WebhookEvent.objects.filter(state="failed").exists()
    assert differences(hooks.fake) == []


class TestPushedWhileItIsRead:
    def test_a_contact_is_read_again_later(self, hooks: Hooks, ada: Contact) -> None:
        with later():
            with time_machine.travel(timezone.now(), tick=False):
                hooks.fake.dashboard.edit_contact(ADA, last_name="L", unsubscribed=True)
                hooks.fake.dashboard.resubscribe(ADA)
            apply_while(hooks, lambda: save_and_push(ada))
            assert "at the same time" in WebhookEvent.objects.filter(state="received")[0].error
        settled(hooks)

    def test_a_choice_is_read_again_later(self, hooks: Hooks, ada: Contact) -> None:
        with later():
            hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
            hooks.apply()
            hooks.fake.dashboard.choose_topic(ADA, "News", "opt_in")
            apply_while(hooks, lambda: save_and_push(ada))
            assert WebhookEvent.objects.get(state="received").error
        settled(hooks)
        assert TopicSubscription.objects.get().subscription == "opt_in"

    @pytest.mark.parametrize("look", ["contacts._Known.verdict", "choices._Known.is_sure"])
    def test_what_needed_no_call_is_looked_at_again_later(
        self, hooks: Hooks, ada: Contact, look: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        of_lane, method = f"django_resend.sync.events.{look}".rsplit(".", 1)
        known = import_string(of_lane)
        looked = getattr(known, method)

        def look_and_be_late(*args: Any) -> Any:
            found = looked(*args)
            save_and_push(ada)
            return found

        with later():
            if "contacts" in look:
                hooks.fake.dashboard.edit_contact(ADA, last_name="L")
            else:
                hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
            hooks.deliver()
            with monkeypatch.context() as patched:
                patched.setattr(known, method, look_and_be_late)
                assert apply_events().retried == 1
            assert "at the same time" in WebhookEvent.objects.get(state="received").error
        settled(hooks)


def test_an_event_whose_worker_was_taken_for_dead_is_applied_by_the_other_alone(
    hooks: Hooks, ada: Contact
) -> None:
    others = []

    def another_worker() -> None:
        with later(minutes=3):
            others.append(apply_events())

    with later():
        hooks.fake.dashboard.unsubscribe(ADA)
        hooks.apply()
    with later(hours=2):
        hooks.fake.dashboard.resubscribe(ADA)
        hooks.deliver()
        mine = apply_events(client=client_of(hooks.fake, Throttle(1, another_worker)))

    assert [report.applied for report in others] == [1]
    assert (mine.applied, mine.retried, mine.failed) == (0, 0, 0)
    settled(hooks)
    ada.refresh_from_db()
    assert not ada.unsubscribed


def test_what_a_proxy_says_of_a_contacts_topics_or_a_topic_proves_nothing(
    hooks: Hooks, ada: Contact
) -> None:
    with later():
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
        hooks.apply()
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_in")
        hooks.fake.dashboard.delete_topic("News")
        hooks.fake.faults.add("html", status=404, times=9)
        hooks.deliver()
        apply_events()
    assert Topic.objects.exists()
    assert WebhookEvent.objects.filter(state="received").count() == 2


def test_two_choices_of_one_moment_are_settled_by_asking(hooks: Hooks, ada: Contact) -> None:
    with later():
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_in")
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
        hooks.deliver()
        first, second = WebhookEvent.objects.order_by("pk")
        payload = {**second.payload, "created_at": first.payload["created_at"]}
        WebhookEvent.objects.filter(pk=second.pk).update(
            payload=payload, happened_at=first.happened_at
        )
        apply_events()
    settled(hooks)
    assert TopicSubscription.objects.get().subscription == "opt_out"


@pytest.mark.parametrize(
    "data",
    [
        {"email": ADA, "topics": [{"id": "x", "subscription": "perhaps"}]},
        {"topics": [{"id": "x", "subscription": "opt_in"}]},
        {"email": ADA},
        {"email": ADA, "topics": "x"},
        {"email": ADA, "topics": ["x"]},
    ],
)
def test_an_event_that_tells_no_choice_or_no_address_fails(
    hooks: Hooks, ada: Contact, data: dict[str, Any]
) -> None:
    event = WebhookEvent.objects.create(
        message_id="msg", type="contact.topics.updated", payload={"data": data}
    )
    apply_events()
    event.refresh_from_db()
    assert event.state == "failed"
    assert event.error


def test_an_event_that_names_only_unknown_segments_joins_none(hooks: Hooks, ada: Contact) -> None:
    with later():
        hooks.fake.dashboard.create_segment("VIP")
        hooks.fake.dashboard.create_contact("bo@example.org", segments=["VIP"])
        hooks.apply()
    assert Contact.objects.count() == 2
    assert not SegmentMembership.objects.exists()


def test_an_event_confirms_a_membership_that_waits_here(hooks: Hooks, ada: Contact) -> None:
    hooks.fake.dashboard.create_segment("VIP")
    with later():
        pull_all()
        ada.segments.add(Segment.objects.get())
        OutboxEntry.objects.all().delete()
        hooks.fake.dashboard.add_to_segment(ADA, "VIP")
        hooks.hold()
    with later(hours=2):
        hooks.fake.dashboard.edit_contact(ADA, first_name="Ada")
        hooks.apply()
    assert SegmentMembership.objects.get().confirmed_at is not None


def test_a_stranger_at_the_address_of_one_who_waits_here_is_looked_at(
    hooks: Hooks, ada: Contact
) -> None:
    bo = Contact.objects.create(email="bo@example.org", first_name="Bo")
    with later():
        hooks.fake.dashboard.create_contact("BO@example.org", unsubscribed=True)
        hooks.apply()
    bo.refresh_from_db()
    assert bo.unsubscribed
    assert bo.remote_id
    assert hooks.fake.ledger.by_route == {"GET /contacts/{id}": 1}


def test_an_event_of_a_contact_that_is_being_deleted_here_is_ignored(
    hooks: Hooks, ada: Contact
) -> None:
    ada.delete()
    with later():
        hooks.fake.dashboard.edit_contact(ADA, first_name="Ada")
        hooks.apply()
    assert not Contact.objects.exists()
    assert hooks.fake.ledger.total == 0


def test_a_choice_of_a_contact_that_is_being_deleted_here_is_ignored(
    hooks: Hooks, ada: Contact
) -> None:
    ada.delete()
    with later():
        hooks.fake.dashboard.choose_topic(ADA, "News", "opt_out")
        assert hooks.apply().ignored == 1
    assert not Contact.objects.exists()
    assert "being deleted" in WebhookEvent.objects.get().error
    assert hooks.fake.ledger.by_route == {"GET /contacts/{id}": 1}


def test_an_event_with_another_address_is_news(hooks: Hooks, ada: Contact) -> None:
    Contact.untracked.update(base={**(ada.base or {}), "email": "old@example.org"})
    with later():
        hooks.fake.dashboard.edit_contact(ADA, first_name="Ada")
        hooks.apply()
    ada.refresh_from_db()
    assert (ada.base or {})["email"] == ADA


def test_events_that_are_given_back_are_free_at_once(hooks: Hooks, ada: Contact) -> None:
    with later():
        hooks.fake.dashboard.edit_contact(ADA, first_name="Ada")
        hooks.deliver()
        release([])
        release(claim(10))
        assert not WebhookEvent.objects.filter(leased_until__gt=timezone.now()).exists()
        hooks.apply()
    ada.refresh_from_db()
    assert ada.first_name == "Ada"
