"""Rows that a transaction of the site holds when the engine wants them are left for later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import QuerySet

from django_resend.client import errors
from django_resend.models import Contact, ContactImport, ImportEntry, OutboxEntry
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend

from .bulk import IMPORT, calls, in_step
from .helpers import Throttle, client_of, later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sleeps", "imports_from_three"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="rows are locked one by one"),
]


@contextmanager
def held(rows: QuerySet[Any]) -> Iterator[None]:
    """A transaction of the site is at these rows; it ends with the block."""
    site = connection.copy("site")
    connections["site"] = site
    try:
        site.set_autocommit(False)
        assert list(rows.using("site").select_for_update())
        yield
    finally:
        site.rollback()
        site.close()
        del connections["site"]


def entry_of(contact: Contact) -> QuerySet[OutboxEntry]:
    return OutboxEntry.objects.filter(object_id=contact.pk)


@pytest.fixture
def first(resend_fake: FakeResend) -> Contact:
    """The first of four newcomers."""
    resend_fake.quirks["import_seconds"] = 30
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(4))
    contact: Contact = Contact.objects.earliest("pk")
    return contact


def test_who_is_being_edited_when_the_import_ends_is_settled_by_a_later_push(
    resend_fake: FakeResend, first: Contact
) -> None:
    push_outbox(seconds=60)
    with later(minutes=1), held(entry_of(first)):
        assert push_outbox(seconds=60).done == 3
        assert ImportEntry.objects.get().contact_id == first.pk
        assert ContactImport.objects.get().state == "settling"
    with later(hours=1):
        made = calls(resend_fake, push_outbox)
    assert made == {}
    assert in_step(resend_fake)


def test_who_is_being_edited_when_a_file_is_given_up_is_let_go_by_a_later_push(
    resend_fake: FakeResend, first: Contact
) -> None:
    resend_fake.faults.add("status", status=401, name="restricted_api_key", route=IMPORT)
    with ExitStack() as site, pytest.raises(errors.AccessRefused):
        begin_edit = partial(site.enter_context, held(entry_of(first)))
        push_outbox(client=client_of(resend_fake, Throttle(1, begin_edit)))

    assert ImportEntry.objects.get().contact_id == first.pk
    with later(hours=1):
        assert push_outbox().done == 4
    assert in_step(resend_fake)


def test_whom_the_site_holds_is_in_no_file_and_comes_with_the_next_push(
    resend_fake: FakeResend, first: Contact
) -> None:
    with held(Contact.untracked.filter(pk=first.pk)):
        made = calls(resend_fake, push_outbox)
        assert IMPORT not in made
        assert made["POST /contacts"] == 3
    with later(minutes=1):
        assert push_outbox().done == 1
    assert in_step(resend_fake)
