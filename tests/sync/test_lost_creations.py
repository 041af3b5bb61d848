"""A creation whose answer was lost, of a contact that leaves its address before the next push."""

from __future__ import annotations

from typing import Any

import pytest

from django_resend.client import errors
from django_resend.models import Contact, OutboxEntry, Tombstone, TopicSubscription
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Throttle, client_of, later

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sleeps")]

TYPO, RIGHT = "ada@exmaple.org", "ada@example.org"


@pytest.fixture
def ada(resend_fake: FakeResend) -> Contact:
    """She was created at Resend, and nobody here knows."""
    return create(resend_fake, arrives=True)


def create(fake: FakeResend, *, arrives: bool) -> Contact:
    fake.dashboard.create_topic("News", "opt_in")
    pull_all()
    fake.faults.add("status", status=500, after_effect=arrives, route="POST /contacts")
    contact: Contact = Contact.objects.create(email=TYPO, first_name="Ada")
    assert push_outbox().retried == 1
    assert addresses(fake) == ([TYPO] if arrives else [])
    return contact


def move(contact: Contact, address: str) -> None:
    contact.refresh_from_db()
    contact.email = address
    contact.save()


def settle(*, pulls_first: bool = True) -> None:
    """Push with a pull before it or not; then both once more."""
    if pulls_first:
        with later(hours=1):
            pull_all()
    for hours in (2, 3):
        with later(hours=hours):
            push_outbox()
    with later(hours=4):
        pull_all(deep=True)


def addresses(fake: FakeResend) -> list[str]:
    return sorted(row["email"] for row in fake.state()["contacts"])


def in_step(fake: FakeResend) -> bool:
    assert differences(fake) == []
    assert not OutboxEntry.objects.exists()
    assert not Tombstone.objects.filter(settled_at=None).exists()
    return True


@pytest.mark.parametrize("pulls_first", [True, False])
def test_it_moves_and_leaves_nobody_behind(
    resend_fake: FakeResend, ada: Contact, pulls_first: bool
) -> None:
    move(ada, RIGHT)
    settle(pulls_first=pulls_first)

    assert addresses(resend_fake) == [RIGHT]
    assert Contact.objects.get().pk == ada.pk
    assert in_step(resend_fake)


def test_by_an_update_too(resend_fake: FakeResend, ada: Contact) -> None:
    Contact.objects.filter(pk=ada.pk).update(email=RIGHT)
    settle()

    assert addresses(resend_fake) == [RIGHT]
    assert in_step(resend_fake)


def test_twice(resend_fake: FakeResend, ada: Contact) -> None:
    move(ada, "between@example.org")
    move(ada, RIGHT)
    settle()

    assert addresses(resend_fake) == [RIGHT]
    assert in_step(resend_fake)


def test_opt_outs_made_there_meanwhile_go_along(resend_fake: FakeResend, ada: Contact) -> None:
    resend_fake.dashboard.unsubscribe(TYPO)
    resend_fake.dashboard.choose_topic(TYPO, "News", "opt_out")
    move(ada, RIGHT)
    settle()

    ada.refresh_from_db()
    assert ada.unsubscribed
    assert TopicSubscription.objects.get(contact=ada).subscription == "opt_out"
    (remote,) = resend_fake.state()["contacts"]
    assert (remote["email"], remote["unsubscribed"]) == (RIGHT, True)
    assert in_step(resend_fake)


def test_an_opt_in_recorded_after_the_lost_creation_stands(resend_fake: FakeResend) -> None:
    resend_fake.faults.add("status", status=500, after_effect=True, route="POST /contacts")
    contact = Contact.objects.create(email=TYPO, unsubscribed=True)
    push_outbox()
    contact.refresh_from_db()
    contact.resubscribe(by="clerk", reason="asked")
    move(contact, RIGHT)
    settle()

    contact.refresh_from_db()
    assert not contact.unsubscribed
    assert in_step(resend_fake)


def test_a_move_that_is_taken_back_is_none(resend_fake: FakeResend, ada: Contact) -> None:
    move(ada, RIGHT)
    move(ada, TYPO)
    resend_fake.ledger.reset()
    settle()

    assert addresses(resend_fake) == [TYPO]
    assert "DELETE /contacts/{id}" not in resend_fake.ledger.by_route
    assert in_step(resend_fake)


def test_whoever_has_the_address_here_now_keeps_the_remote_contact(
    resend_fake: FakeResend, ada: Contact
) -> None:
    move(ada, RIGHT)
    heir = Contact.objects.create(email=TYPO, first_name="Heir")
    settle(pulls_first=False)

    assert addresses(resend_fake) == sorted([RIGHT, TYPO])
    assert {row.pk: row.email for row in Contact.objects.all()} == {ada.pk: RIGHT, heir.pk: TYPO}
    assert in_step(resend_fake)


def test_if_the_new_address_is_at_resend_already_the_lost_one_goes(
    resend_fake: FakeResend, ada: Contact
) -> None:
    resend_fake.dashboard.unsubscribe(TYPO)
    resend_fake.dashboard.create_contact(RIGHT)
    move(ada, RIGHT)
    settle()

    assert addresses(resend_fake) == [RIGHT]
    assert Contact.objects.get().pk == ada.pk
    assert in_step(resend_fake)


def test_if_it_is_deleted_too_nobody_stays(resend_fake: FakeResend, ada: Contact) -> None:
    move(ada, RIGHT)
    ada.delete()
    settle()

    assert addresses(resend_fake) == []
    assert not Contact.objects.exists()
    assert in_step(resend_fake)


def test_if_it_is_deleted_while_it_is_looked_for_nobody_stays(
    resend_fake: FakeResend, ada: Contact
) -> None:
    move(ada, RIGHT)
    resend_fake.ledger.reset()
    client = client_of(resend_fake, Throttle(1, ada.delete))
    with later(hours=1):
        push_outbox(client=client)
    client.close()
    assert resend_fake.ledger.by_route["GET /contacts/{id}"] == 1
    assert "POST /contacts" not in resend_fake.ledger.by_route
    settle(pulls_first=False)

    assert addresses(resend_fake) == []
    assert not Contact.objects.exists()
    assert in_step(resend_fake)


def test_a_creation_that_never_arrived_costs_one_look(resend_fake: FakeResend) -> None:
    contact = create(resend_fake, arrives=False)
    move(contact, RIGHT)
    resend_fake.ledger.reset()
    with later(hours=1):
        push_outbox()

    assert dict(resend_fake.ledger.by_route) == {
        "GET /contacts/{id}": 2,
        "POST /contacts": 1,
    }
    assert addresses(resend_fake) == [RIGHT]
    assert in_step(resend_fake)


def test_a_move_during_a_creation_that_arrives_is_a_move(resend_fake: FakeResend) -> None:
    contact = Contact.objects.create(email=TYPO, first_name="Ada")
    post = 2
    client = client_of(resend_fake, Throttle(post, lambda: move(contact, RIGHT)))
    assert push_outbox(client=client).complete
    client.close()

    assert addresses(resend_fake) == [RIGHT]
    assert in_step(resend_fake)


def test_a_refused_creation_leaves_the_old_address_to_others(resend_fake: FakeResend) -> None:
    resend_fake.faults.add("status", status=422, name="validation_error", route="POST /contacts")
    contact = Contact.objects.create(email=TYPO)

    def give_way() -> None:
        move(contact, RIGHT)
        resend_fake.dashboard.create_contact(TYPO)

    post = 2
    client = client_of(resend_fake, Throttle(post, give_way))
    push_outbox(client=client)
    client.close()
    settle()

    assert addresses(resend_fake) == sorted([RIGHT, TYPO])
    assert in_step(resend_fake)


def test_an_import_that_proves_nothing_leaves_nobody_behind(
    resend_fake: FakeResend, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "BULK_THRESHOLD": 2}
    resend_fake.quirks["import_seconds"] = 30
    other = Contact.objects.create(email="other@example.org")
    contact = Contact.objects.create(email=TYPO)
    push_outbox(seconds=60)
    move(contact, RIGHT)
    # The counts say one less than seems to be made.
    resend_fake.dashboard.create_contact(other.email)
    settle()

    assert addresses(resend_fake) == sorted([RIGHT, other.email])
    assert in_step(resend_fake)


def test_a_file_that_was_never_sent_leaves_the_old_address_to_others(
    resend_fake: FakeResend, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RESEND = {**settings.RESEND, "BULK_THRESHOLD": 2}
    Contact.objects.create(email="other@example.org")
    contact = Contact.objects.create(email=TYPO)

    def move_and_refuse(*args: Any, **kwargs: Any) -> None:
        move(contact, RIGHT)
        raise errors.AccessRefused("Imports are not for you.", status=403)

    monkeypatch.setattr("django_resend.sync.push.bulk.sending._post", move_and_refuse)
    resend_fake.dashboard.create_contact(TYPO)
    settle(pulls_first=False)

    assert addresses(resend_fake) == sorted([RIGHT, TYPO, "other@example.org"])
    assert in_step(resend_fake)
