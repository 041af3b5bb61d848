"""Celery only wakes the engine: what is to be done stands in the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from django.db import transaction
from django.test import Client

from django_resend import tasks
from django_resend.models import Contact, OutboxEntry, Segment, WebhookEvent
from django_resend.signals import outbox_changed
from django_resend.testing import FakeResend
from django_resend.testing.webhooks import DEFAULT_SECRET, sign
from tests.celery_app import app
from tests.oracle import differences

Asked = Callable[[], list[str]]


@pytest.fixture
def asked() -> Iterator[Asked]:
    """The names of the tasks that the broker was given since the last look."""
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery")
        queue.clear()

        def look() -> list[str]:
            names: list[str] = []
            while True:
                try:
                    message = queue.get(block=False)
                except queue.Empty:
                    return names
                message.ack()
                names.append(message.headers["task"])

        yield look
        queue.close()


@pytest.fixture
def broken_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Celery with a broker where nobody listens."""
    monkeypatch.setattr(tasks, "_broker_down_until", 0.0)
    broken = Celery("broken", broker="amqp://127.0.0.1:9//", set_as_current=False)
    broken.set_current()
    yield
    app.set_current()


@pytest.mark.django_db(transaction=True)
def test_a_save_asks_for_a_push_once_it_is_committed(asked: Asked) -> None:
    with transaction.atomic():
        Contact.objects.create(email="ada@example.org")
        assert asked() == []

    assert asked() == ["django_resend.push"]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_asks_once_however_much_it_changes(asked: Asked) -> None:
    with transaction.atomic():
        segment = Segment.objects.create(name="Friends")
        for number in range(10):
            contact = Contact.objects.create(email=f"p{number}@example.org")
            contact.segments.add(segment)

    assert asked() == ["django_resend.push"]


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_not_recorded_and_asks_for_nothing(asked: Asked) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Contact.objects.create(email="ada@example.org")
        _ = 1 / 0

    assert asked() == []
    assert not Contact.objects.exists()
    assert not OutboxEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_does_not_keep_the_next_transaction_from_asking(asked: Asked) -> None:
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Contact.objects.create(email="ada@example.org")
            _ = 1 / 0
        Contact.objects.create(email="bob@example.org")

    assert asked() == ["django_resend.push"]
    assert Contact.objects.get().email == "bob@example.org"


@pytest.mark.django_db(transaction=True)
def test_a_save_that_changes_nothing_asks_for_nothing(asked: Asked) -> None:
    contact = Contact.objects.create(email="ada@example.org")
    asked()

    contact.save()
    Contact.objects.get().save()

    assert asked() == []


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_fails_no_save_and_is_then_left_in_peace(
    broken_broker: None, caplog: pytest.LogCaptureFixture
) -> None:
    Contact.objects.create(email="ada@example.org")
    started = time.monotonic()
    for number in range(20):
        Contact.objects.create(email=f"p{number}@example.org")

    assert OutboxEntry.objects.count() == 21
    assert time.monotonic() - started < 2
    (record,) = [r for r in caplog.records if r.name == "django_resend.tasks"]
    assert "changes wait in the outbox" in record.getMessage()


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_holds_a_save_up_for_no_more_than_a_second(
    broken_broker: None,
) -> None:
    started = time.monotonic()

    Contact.objects.create(email="ada@example.org")

    assert time.monotonic() - started < 1


@pytest.mark.django_db(transaction=True)
def test_a_receiver_of_the_signal_that_fails_fails_no_save(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**kwargs: Any) -> None:
        raise ZeroDivisionError

    outbox_changed.connect(fail)
    try:
        Contact.objects.create(email="ada@example.org")
    finally:
        outbox_changed.disconnect(fail)

    assert Contact.objects.exists()
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_push_task_empties_the_outbox(resend_fake: FakeResend, asked: Asked) -> None:
    Contact.objects.create(email="ada@example.org")
    asked()

    tasks.push()

    assert not OutboxEntry.objects.exists()
    assert differences(resend_fake) == []
    assert asked() == []


@pytest.mark.django_db(transaction=True)
def test_a_push_task_hands_over_when_its_time_is_up(
    resend_fake: FakeResend, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 1e-9)
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(3))
    asked()

    tasks.push()

    assert OutboxEntry.objects.count() == 2
    assert asked() == ["django_resend.push"]


@pytest.mark.django_db(transaction=True)
def test_the_pull_tasks_share_the_work(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=3, segments=1, topics=1, properties=1)

    tasks.pull()
    assert differences(resend_fake, deep=False) == []
    assert "GET /contacts/{id}" not in resend_fake.ledger.by_route

    tasks.deep_pull()
    assert differences(resend_fake) == []


def test_the_tasks_have_their_names_for_schedules() -> None:
    wanted = ("push", "pull", "deep_pull", "apply_events", "clean_up")
    names = {f"django_resend.{name}" for name in wanted}

    assert names <= set(app.tasks)


def test_webhooks_in_a_storm_share_the_requests_to_the_worker(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "GATHER_SECONDS", 0.1)
    monkeypatch.setattr(tasks, "_asked_at", float("-inf"))
    for _ in range(50):
        tasks.ask_for_events()
    assert asked() == ["django_resend.apply_events"]

    time.sleep(0.3)
    assert asked() == ["django_resend.apply_events"]


@pytest.mark.django_db(transaction=True)
def test_a_webhook_asks_the_worker_once_it_is_committed(asked: Asked, settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "WEBHOOK_SECRET": DEFAULT_SECRET}
    body, moment = b'{"type":"other"}', str(int(time.time()))
    headers = {
        "svix-id": "msg_1",
        "svix-timestamp": moment,
        "svix-signature": sign(DEFAULT_SECRET, "msg_1", moment, body),
    }
    with transaction.atomic():
        _post(body, headers)
        assert asked() == []
    assert asked() == ["django_resend.apply_events"]

    _post(body, headers)
    assert WebhookEvent.objects.count() == 1
    tasks.apply_events()
    assert WebhookEvent.objects.get().state == "ignored"


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_fails_no_webhook_and_slows_few(
    broken_broker: None, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "WEBHOOK_SECRET": DEFAULT_SECRET}
    moment, taken = str(int(time.time())), []
    for number in range(20):
        id, body = f"msg_{number}", b'{"type":"other"}'
        signature = sign(DEFAULT_SECRET, id, moment, body)
        headers = {"svix-id": id, "svix-timestamp": moment, "svix-signature": signature}
        started = time.monotonic()
        _post(body, headers)
        taken.append(time.monotonic() - started)

    assert WebhookEvent.objects.filter(state="received").count() == 20
    assert max(taken) < 1
    # The broker is tried by one of them; a busy machine may slow a few more.
    assert sorted(taken)[len(taken) // 2] < 0.1


def _post(body: bytes, headers: dict[str, str]) -> None:
    answer = Client().post(
        "/resend/webhook/", body, content_type="application/json", headers=headers
    )
    assert answer.status_code == 204
