"""Webhook events and suppressions in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from django_resend.models import Contact, Suppression, WebhookEvent
from tests.celery_app import app

from .conftest import UserMaker
from .pages import start_action, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed() -> WebhookEvent:
    event: WebhookEvent = WebhookEvent.objects.create(
        message_id="msg_1",
        type="contact.updated",
        payload={"type": "contact.updated", "data": {}},
        state="failed",
        error="a row without id",
        attempts=3,
    )
    return event


def test_a_failed_event_shows_why(client: Client, failed: WebhookEvent) -> None:
    for page in (url(WebhookEvent), url(WebhookEvent, "change", failed.pk)):
        assert "a row without id" in client.get(page).content.decode()


def test_apply_again_makes_an_event_due_and_wakes_the_worker(
    client: Client, failed: WebhookEvent
) -> None:
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery")
        queue.clear()
        start_action(client, url(WebhookEvent), "apply_again", [failed.pk])
        message = queue.get(block=False)
        message.ack()
        queue.close()
    assert message.headers["task"] == "django_resend.apply_events"
    failed.refresh_from_db()
    assert (failed.state, failed.error, failed.attempts) == ("received", "", 0)


def test_who_may_only_look_at_events_can_not_apply_them_again(
    client_with: UserMaker, failed: WebhookEvent
) -> None:
    start_action(client_with("view_webhookevent"), url(WebhookEvent), "apply_again", [failed.pk])
    failed.refresh_from_db()
    assert failed.state == "failed"


def test_suppressed_addresses_have_a_column_and_a_filter(client: Client, contact: Contact) -> None:
    Contact.objects.create(email="free@example.org")
    now = timezone.now()
    Suppression.objects.create(
        email=contact.email,
        email_key=contact.email_key,
        origin="complaint",
        suppressed_at=now,
        told_at=now,
    )

    suppressed = client.get(url(Contact), {"suppressed": "1"}).content.decode()
    assert "complaint" in suppressed
    assert "free@example.org" not in suppressed
    others = client.get(url(Contact), {"suppressed": "0"}).content.decode()
    assert "free@example.org" in others
    assert contact.email not in others
    assert "0 contacts" in client.get(url(Contact), {"suppressed": "x"}).content.decode()
    assert "complaint" in client.get(url(Contact, "change", contact.pk)).content.decode()
