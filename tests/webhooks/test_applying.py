"""How events are taken up: once, in order, and none in another's way."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_resend.client.errors import AccessRefused
from django_resend.models import CallBudget, Contact, WebhookEvent
from django_resend.sync.errors import NotConfigured
from django_resend.sync.events import apply_events
from django_resend.sync.events.claims import TRIES, claim, done, release
from django_resend.sync.limiter import TEAM
from django_resend.sync.pull import pull_all

from .conftest import Hooks, later

pytestmark = pytest.mark.django_db

BAD: list[Any] = [
    {},
    {"data": None},
    {"data": []},
    {"data": "x"},
    {"data": {"id": 7, "email": "a@example.org"}},
    {"data": {"id": "", "email": "a@example.org"}},
    {"data": {"id": "x"}},
]


def event(type: str = "contact.updated", **payload: Any) -> WebhookEvent:
    count = WebhookEvent.objects.count()
    stored: WebhookEvent = WebhookEvent.objects.create(
        message_id=f"msg_{count}", type=type, payload={"type": type, **payload}
    )
    return stored


@pytest.fixture
def person(hooks: Hooks) -> Iterator[str]:
    """A contact, pulled an hour ago."""
    hooks.fake.dashboard.create_contact("ada@example.org")
    hooks.hold()
    pull_all()
    with later():
        yield "ada@example.org"


@pytest.mark.parametrize(
    "type", ["contact.updated", "contact.topics.updated", "topic.updated", "suppression.added"]
)
def test_an_event_of_the_wrong_shape_fails_and_stops_no_other(
    hooks: Hooks, person: str, type: str
) -> None:
    for payload in BAD[:4]:
        event(type, **payload)
    hooks.fake.dashboard.unsubscribe(person)
    report = hooks.apply()

    assert (report.applied, report.failed) == (1, 4)
    assert Contact.objects.get().unsubscribed
    assert all(e.error for e in WebhookEvent.objects.filter(state="failed"))


@pytest.mark.parametrize("payload", BAD)
def test_a_contact_event_without_its_contact_fails_with_a_reason(
    hooks: Hooks, payload: dict[str, Any]
) -> None:
    broken = event(**payload)
    apply_events()
    broken.refresh_from_db()
    assert (broken.state, broken.error != "") == ("failed", True)


def test_an_unknown_type_is_ignored(hooks: Hooks) -> None:
    event("inbox.knocked", data={"id": "x"})
    assert apply_events().ignored == 1
    assert WebhookEvent.objects.get().state == "ignored"


def test_a_site_that_only_pushes_ignores_events(hooks: Hooks, person: str, settings: Any) -> None:
    hooks.fake.dashboard.unsubscribe(person)
    settings.RESEND = {**settings.RESEND, "DIRECTION": "push"}
    assert hooks.apply().ignored == 1
    assert not Contact.objects.get().unsubscribed


def test_a_doubt_that_cannot_be_settled_is_tried_again_and_then_given_up(
    hooks: Hooks, person: str, pauses: list[float]
) -> None:
    hooks.fake.dashboard.delete_contact(person)
    hooks.deliver()
    hooks.fake.faults.add("status", status=500, times=1000)
    moment = timezone.now()
    for _ in range(TRIES):
        moment += timedelta(hours=1)
        with time_machine.travel(moment):
            apply_events()
    broken = WebhookEvent.objects.get()
    assert (broken.state, broken.attempts) == ("failed", TRIES)
    assert "500" in broken.error
    assert Contact.objects.exists()


def test_what_needs_no_call_is_applied_while_resend_is_down(
    hooks: Hooks, person: str, pauses: list[float]
) -> None:
    for number in range(5):
        hooks.fake.dashboard.create_contact(f"p{number}@example.org")
        hooks.fake.dashboard.delete_contact(f"p{number}@example.org")
    hooks.fake.dashboard.unsubscribe(person)
    hooks.deliver()
    hooks.fake.faults.add("status", status=503, times=1000)
    report = apply_events()

    assert Contact.objects.get().unsubscribed
    assert not report.more
    assert WebhookEvent.objects.filter(state="received").count() > 0


def test_a_wrong_key_stops_the_run_and_costs_no_event_a_try(hooks: Hooks, person: str) -> None:
    hooks.fake.dashboard.delete_contact(person)
    hooks.deliver()
    hooks.fake.faults.add("status", status=401, body={"name": "restricted_api_key"})
    with pytest.raises(AccessRefused):
        apply_events()
    waiting = WebhookEvent.objects.get()
    assert (waiting.state, waiting.attempts, waiting.lease) == ("received", 0, None)


def test_without_a_key_events_that_need_no_call_are_applied(
    hooks: Hooks, person: str, settings: Any
) -> None:
    hooks.fake.dashboard.unsubscribe(person)
    hooks.deliver()
    settings.RESEND = {**settings.RESEND, "API_KEY": ""}
    assert apply_events().applied == 1
    event("contact.deleted", data={"id": "c-1", "email": "x@example.org"})
    with pytest.raises(NotConfigured):
        apply_events()


def test_in_a_pause_events_that_need_a_call_wait_and_the_others_are_applied(
    hooks: Hooks, person: str
) -> None:
    until = timezone.now() + timedelta(hours=5)
    CallBudget.objects.update_or_create(team=TEAM, defaults={"paused_until": until})
    event("contact.deleted", data={"id": str(uuid.uuid4()), "email": "x@example.org"})
    hooks.fake.dashboard.unsubscribe(person)
    hooks.deliver()
    hooks.fake.ledger.reset()

    report = apply_events()

    assert (report.applied, report.retried, hooks.fake.ledger.total) == (1, 1, 0)
    waiting = WebhookEvent.objects.get(state="received")
    assert (waiting.attempts, waiting.lease) == (0, None)
    assert "no call is made until" in waiting.error
    with later(hours=6):
        assert apply_events().applied == 1


def test_no_event_is_taken_twice(hooks: Hooks) -> None:
    for _ in range(3):
        event()
    first, second = claim(2), claim(5)
    assert {c.event.pk for c in first}.isdisjoint(c.event.pk for c in second)
    assert len(first) + len(second) == 3
    release(first)
    assert len(claim(5)) == 2


def test_a_killed_workers_events_are_taken_up_after_its_lease(hooks: Hooks) -> None:
    event()
    (lost,) = claim(1)
    assert claim(1) == []
    with later(minutes=3):
        (taken,) = claim(1)
        done([taken])
        release([lost])
    assert WebhookEvent.objects.get().state == "applied"


def test_events_are_taken_in_the_order_of_their_happening(hooks: Hooks) -> None:
    now = timezone.now()
    for age in (1, 3, 2):
        late = event()
        WebhookEvent.objects.filter(pk=late.pk).update(happened_at=now - timedelta(minutes=age))
    taken = [c.at for c in claim(3) if c.at]
    assert len(taken) == 3
    assert taken == sorted(taken)


def test_a_fault_of_ours_is_logged_and_tried_again(
    hooks: Hooks, person: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise KeyError("a slip")

    hooks.fake.dashboard.unsubscribe(person)
    hooks.fake.team.suppress("x@example.org")
    hooks.deliver()
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "django_resend.sync"):
        patch.setattr("django_resend.sync.events.contacts.apply_contacts", broken)
        report = apply_events()
    assert (report.applied, report.retried) == (1, 1)
    assert "contact.updated" in caplog.text
    with later(hours=3):
        assert apply_events().applied == 1


def test_a_run_with_no_time_left_says_that_there_is_more(hooks: Hooks, person: str) -> None:
    for number in range(2):
        hooks.fake.dashboard.create_contact(f"p{number}@example.org")
        hooks.fake.dashboard.delete_contact(f"p{number}@example.org")
    hooks.deliver()
    assert apply_events(seconds=-1).more
    assert not apply_events().more
