"""What was rolled back is never sent; no call is made inside a transaction or a web request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser
from django.urls import path

from django_resend.client import Client
from django_resend.models import Contact, ContactProperty, Segment, Topic
from django_resend.signals import outbox_changed
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.guard import CallsGuard, guarded_calls
from tests.oracle import differences
from tests.sync.helpers import client_of, rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(resend_fake: FakeResend) -> FakeResend:
    """A mirror in step with a small team."""
    board = resend_fake.dashboard
    board.create_segment("VIP")
    board.create_topic("News", "opt_in")
    board.create_property("plan")
    board.create_contact("ada@example.org", segments=["VIP"], properties={"plan": "pro"})
    board.create_contact("out@example.org", unsubscribed=True, topics={"News": "opt_out"})
    pull_all()
    resend_fake.ledger.reset()
    return resend_fake


def ada() -> Contact:
    contact: Contact = Contact.objects.for_address("ada@example.org").get()
    return contact


def out() -> Contact:
    contact: Contact = Contact.objects.for_address("out@example.org").get()
    return contact


def rename() -> None:
    contact = ada()
    contact.first_name = "Augusta"
    contact.save()


def readdress() -> None:
    contact = ada()
    contact.email = "augusta@example.org"
    contact.save()


WRITES: dict[str, Callable[[], Any]] = {
    "save": rename,
    "address": readdress,
    "create": lambda: Contact.objects.create(email="new@example.org"),
    "bulk_create": lambda: Contact.objects.bulk_create([Contact(email="new@example.org")]),
    "update": lambda: Contact.objects.update(last_name="L"),
    "delete": lambda: ada().delete(),
    "queryset delete": lambda: Contact.objects.all().delete(),
    "segment add": lambda: out().segments.add(Segment.objects.get()),
    "segment clear": lambda: ada().segments.clear(),
    "segment delete": lambda: Segment.objects.get().delete(),
    "opt out": lambda: ada().opt_out(Topic.objects.get()),
    "opt in": lambda: out().opt_in(Topic.objects.get(), by="clerk", reason="letter"),
    "resubscribe": lambda: out().resubscribe(by="clerk", reason="letter"),
    "property delete": lambda: ContactProperty.objects.get().delete(),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_rolled_back_write_sends_nothing_and_leaves_nothing(site: FakeResend, write: str) -> None:
    announced: list[object] = []

    def hear(**kwargs: object) -> None:
        announced.append(kwargs)

    before = rows()
    outbox_changed.connect(hear)
    try:
        with transaction.atomic():
            WRITES[write]()
            transaction.set_rollback(True)
    finally:
        outbox_changed.disconnect(hear)
    assert rows() == before
    assert announced == []
    assert push_outbox().calls == 0
    assert site.ledger.total == 0
    assert differences(site) == []
    # The same write is sent when it is committed: it isn't the write that does nothing.
    WRITES[write]()
    assert push_outbox().calls > 0


@pytest.mark.parametrize("outer", ["committed", "rolled back"])
def test_of_a_transaction_with_a_rolled_back_part_only_the_rest_is_sent(
    site: FakeResend, outer: str
) -> None:
    with transaction.atomic():
        rename()
        with transaction.atomic():
            Contact.objects.create(email="never@example.org")
            transaction.set_rollback(True)
        if outer == "rolled back":
            transaction.set_rollback(True)
    push_outbox()
    assert site.ledger.by_route == ({"PATCH /contacts/{id}": 1} if outer == "committed" else {})
    assert differences(site) == []


def test_a_change_made_after_a_rollback_is_announced(site: FakeResend) -> None:
    announced: list[object] = []

    def hear(**kwargs: object) -> None:
        announced.append(kwargs)

    outbox_changed.connect(hear)
    try:
        with transaction.atomic():
            rename()
            transaction.set_rollback(True)
        rename()
    finally:
        outbox_changed.disconnect(hear)
    assert len(announced) == 1


def test_the_guard_catches_a_call_inside_a_transaction(
    site: FakeResend, calls_guard: CallsGuard
) -> None:
    refused = pytest.raises(AssertionError, match="transaction on 'default'")
    with client_of(site) as client, refused, transaction.atomic():
        client.contacts.page(None)
    assert site.ledger.total == 0
    calls_guard.refused.clear()


def calling_view(request: HttpRequest) -> HttpResponse:
    """What no view of the app may do; it even hides that it failed."""
    with Client("re_test", base_url=request.GET["url"]) as client, suppress(AssertionError):
        client.contacts.page(None)
    return HttpResponse("done")


urlpatterns = [path("calls/", calling_view)]


@pytest.mark.urls("tests.torture.test_transactions")
def test_the_guard_catches_a_call_inside_a_web_request_also_a_hidden_one(
    site: FakeResend, calls_guard: CallsGuard
) -> None:
    with pytest.raises(AssertionError, match="web request GET /calls/"), guarded_calls():
        Browser().get("/calls/", {"url": site.url})
    assert site.ledger.total == 0
    calls_guard.refused.clear()


def test_the_guard_lets_other_calls_be(site: FakeResend, calls_guard: CallsGuard) -> None:
    rename()
    Browser().get("/")
    assert push_outbox().done == 1
    assert calls_guard.refused == []
