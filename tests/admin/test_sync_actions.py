"""Push now, pull now and try again: the engine is asked, and nothing is lost if it can't be."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from celery import Celery
from django.test import Client
from kombu.exceptions import OperationalError

from django_resend.admin.waking import wake
from django_resend.models import Contact, Kind, OutboxEntry

from .conftest import ContactMaker, UserMaker
from .pages import finish_action, start_action, told, url

REFUSED = OutboxEntry.State.REFUSED
PENDING = OutboxEntry.State.PENDING


@pytest.fixture
def refused(contact: Contact) -> OutboxEntry:
    OutboxEntry.objects.record(Kind.CONTACT, [contact.pk])
    entry = OutboxEntry.objects.get()
    entry.state, entry.attempts = REFUSED, 3
    entry.error_status, entry.error_name = 422, "validation_error"
    entry.save()
    return entry


def test_push_now_makes_the_selected_due_and_wakes_the_engine(
    client: Client, refused: OutboxEntry, make_contacts: ContactMaker, published: list[str]
) -> None:
    other = make_contacts(1)[0]
    OutboxEntry.objects.record(Kind.CONTACT, [other.pk])
    OutboxEntry.objects.filter(object_id=other.pk).update(state=REFUSED)
    page = start_action(client, url(Contact), "push_now", [refused.object_id])
    assert "1 of them has a change" in page.content.decode()
    assert not published

    done = finish_action(client, url(Contact), page)

    assert "1 contact is due now. It runs in the background" in told(done)
    assert published == ["django_resend.push"]
    refused.refresh_from_db()
    assert (refused.state, refused.attempts) == (PENDING, 0)
    assert OutboxEntry.objects.get(object_id=other.pk).state == REFUSED


def test_pull_now_asks_for_a_whole_pull(
    client: Client, contact: Contact, published: list[str]
) -> None:
    page = start_action(client, url(Contact), "pull_now", [contact.pk])
    assert "reads all contacts" in page.content.decode()

    done = finish_action(client, url(Contact), page)

    assert "A pull was asked for." in told(done)
    assert published == ["django_resend.pull", "django_resend.deep_pull"]


def test_a_broker_that_is_down_is_said_kindly_and_the_work_stays(
    client: Client, refused: OutboxEntry
) -> None:
    page = start_action(client, url(Contact), "push_now", [refused.object_id])

    with patch("celery.app.task.Task.apply_async", side_effect=OperationalError("down")):
        done = finish_action(client, url(Contact), page)

    assert "The task queue can't be reached just now. Nothing is lost" in told(done)
    refused.refresh_from_db()
    assert refused.state == PENDING


def test_a_refused_connection_counts_as_a_broker_that_is_down() -> None:
    app = Celery("nowhere", broker="amqp://guest@127.0.0.1:9//", set_as_current=False)

    @app.task
    def nothing() -> None: ...

    assert wake(nothing) is False


@pytest.mark.parametrize(
    ("action", "direction", "sentence"),
    [
        ("push_now", "pull", "This site only pulls from Resend."),
        ("pull_now", "push", "This site only pushes to Resend."),
    ],
)
def test_a_direction_that_is_switched_off_is_not_asked_for(
    client: Client,
    contact: Contact,
    published: list[str],
    settings: Any,
    action: str,
    direction: str,
    sentence: str,
) -> None:
    settings.RESEND = {**settings.RESEND, "DIRECTION": direction}
    page = start_action(client, url(Contact), action, [contact.pk])

    again = finish_action(client, url(Contact), page)

    assert sentence in page.content.decode()
    assert sentence in again.content.decode()
    assert not published


def test_try_again_makes_a_refused_entry_due_and_keeps_what_resend_said(
    client: Client, refused: OutboxEntry, published: list[str]
) -> None:
    done = start_action(client, url(OutboxEntry), "try_again", [refused.pk])

    assert "1 change is due now." in told(done)
    assert published == ["django_resend.push"]
    refused.refresh_from_db()
    assert (refused.state, refused.error_name) == (PENDING, "validation_error")


def test_who_may_only_look_at_the_outbox_can_not_try_again(
    client_with: UserMaker, refused: OutboxEntry, published: list[str]
) -> None:
    start_action(client_with("view_outboxentry"), url(OutboxEntry), "try_again", [refused.pk])

    refused.refresh_from_db()
    assert refused.state == REFUSED
    assert not published
