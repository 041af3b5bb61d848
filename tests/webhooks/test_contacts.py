"""contact.created, contact.updated and contact.deleted: what they do, and at what cost."""

from __future__ import annotations

import django
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_resend.client.rows import ContactRow
from django_resend.models import (
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    Tombstone,
    WebhookEvent,
)
from django_resend.sync.apply import apply_contacts
from django_resend.sync.events import apply_events
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from tests.oracle import differences

from .conftest import Hooks, later

pytestmark = pytest.mark.django_db


def contact_at(address: str) -> Contact:
    contact: Contact = Contact.objects.for_address(address).get()
    return contact


@pytest.fixture
def ada(hooks: Hooks) -> Contact:
    """One contact, pulled an hour ago."""
    hooks.fake.dashboard.create_contact("ada@example.org", first_name="Ada", last_name="L")
    hooks.hold()
    pull_all()
    return contact_at("ada@example.org")


def test_an_unsubscribe_arrives_without_a_call(hooks: Hooks, ada: Contact) -> None:
    with later():
        hooks.fake.dashboard.unsubscribe("ada@example.org")
        report = hooks.apply()

    ada.refresh_from_db()
    assert ada.unsubscribed
    assert (report.applied, hooks.fake.ledger.total) == (1, 0)
    assert not OutboxEntry.objects.exists()


def test_a_new_contact_is_created_without_a_call(hooks: Hooks, ada: Contact) -> None:
    hooks.fake.dashboard.create_segment("VIP")
    pull_all()
    with later():
        hooks.fake.dashboard.create_contact("bo@example.org", first_name="Bo", segments=["VIP"])
        hooks.apply()
        assert hooks.fake.ledger.total == 0
    assert differences(hooks.fake, deep=False) == []


def test_a_new_contact_whose_address_had_opted_out_is_opted_out_again(
    hooks: Hooks, ada: Contact
) -> None:
    with later():
        hooks.fake.dashboard.unsubscribe("ada@example.org")
        hooks.apply()
        hooks.fake.dashboard.delete_contact("ada@example.org")
        hooks.apply()
    with later(hours=2):
        hooks.fake.dashboard.create_contact("ada@example.org")
        hooks.apply()
        assert contact_at("ada@example.org").attention == "recalled"
        push_outbox()
    assert hooks.fake.state()["contacts"][0]["unsubscribed"]


def test_what_an_event_does_not_tell_stays(hooks: Hooks, ada: Contact) -> None:
    hooks.fake.quirks["webhook_fields"] = "sparse"
    with later():
        hooks.fake.dashboard.unsubscribe("ada@example.org")
        hooks.apply()

    ada.refresh_from_db()
    assert (ada.first_name, ada.last_name, ada.unsubscribed) == ("Ada", "L", True)


def test_a_name_told_as_null_is_asked_for_before_it_is_cleared(hooks: Hooks, ada: Contact) -> None:
    with later():
        hooks.fake.dashboard.edit_contact("ada@example.org", last_name=None)
        hooks.apply()

    ada.refresh_from_db()
    assert ada.last_name == ""
    assert hooks.fake.ledger.total == 1


def test_our_own_echo_costs_no_call_and_no_write(hooks: Hooks, ada: Contact) -> None:
    with later():
        ada.first_name = "Augusta"
        ada.unsubscribed = True
        ada.save()
        Contact.objects.create(email="New@example.org", first_name="New")
        push_outbox()
        hooks.deliver()
        hooks.fake.ledger.reset()
        before = list(Contact.untracked.order_by("pk").values())
        with CaptureQueriesContext(connection) as queries:
            report = apply_events()

    assert (report.applied, hooks.fake.ledger.total) == (2, 0)
    assert list(Contact.untracked.order_by("pk").values()) == before
    written = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert all("django_resend_webhookevent" in sql for sql in written)


def test_an_older_event_that_comes_later_is_ignored_without_a_call(
    hooks: Hooks, ada: Contact
) -> None:
    with later():
        hooks.fake.dashboard.edit_contact("ada@example.org", first_name="First")
        (old,) = hooks.hold()
    with later(hours=2):
        hooks.fake.dashboard.edit_contact("ada@example.org", first_name="Second")
        hooks.apply()
        hooks.send(old)
        hooks.apply()

    ada.refresh_from_db()
    assert ada.first_name == "Second"
    assert hooks.fake.ledger.total == 0


def test_shuffled_events_of_one_contact_end_with_the_last_word(hooks: Hooks, ada: Contact) -> None:
    with later():
        for name in ("One", "Two", "Three"):
            hooks.fake.dashboard.edit_contact("ada@example.org", first_name=name)
            hooks.fake.clock.advance(1)
        for delivery in reversed(hooks.hold()):
            hooks.send(delivery)
        hooks.apply()

    assert contact_at("ada@example.org").first_name == "Three"
    assert hooks.fake.ledger.total == 0


def test_an_event_from_before_the_last_pull_is_settled_by_one_call(
    hooks: Hooks, ada: Contact
) -> None:
    with later():
        hooks.fake.dashboard.edit_contact("ada@example.org", first_name="Old")
        held = hooks.hold()
    with later(hours=2):
        hooks.fake.dashboard.edit_contact("ada@example.org", first_name="New")
        hooks.hold()
        pull_all()
        hooks.send(held[0])
        hooks.apply()

    assert contact_at("ada@example.org").first_name == "New"
    assert hooks.fake.ledger.by_route == {"GET /contacts/{id}": 1}


def test_two_different_events_of_one_moment_are_settled_by_one_call(
    hooks: Hooks, ada: Contact
) -> None:
    with later():
        hooks.fake.clock.set(hooks.fake.clock.now())
        hooks.fake.dashboard.edit_contact("ada@example.org", first_name="One")
        hooks.fake.dashboard.edit_contact("ada@example.org", first_name="Two")
        for delivery in reversed(hooks.hold()):
            hooks.send(delivery)
        hooks.apply()

    assert contact_at("ada@example.org").first_name == "Two"
    assert hooks.fake.ledger.by_route == {"GET /contacts/{id}": 1}


def test_an_opt_in_is_never_believed_without_asking(hooks: Hooks, ada: Contact) -> None:
    with later():
        hooks.fake.dashboard.unsubscribe("ada@example.org")
        hooks.apply()
    with later(hours=2):
        hooks.fake.dashboard.resubscribe("ada@example.org")
        held = hooks.hold()
        hooks.fake.dashboard.unsubscribe("ada@example.org")
        hooks.hold()
        hooks.send(held[0])
        hooks.apply()

    assert contact_at("ada@example.org").unsubscribed
    assert hooks.fake.ledger.by_route == {"GET /contacts/{id}": 1}


def test_a_deletion_is_proved_before_the_contact_is_deleted(hooks: Hooks, ada: Contact) -> None:
    with later():
        hooks.fake.dashboard.unsubscribe("ada@example.org")
        hooks.fake.dashboard.delete_contact("ada@example.org")
        hooks.apply()

    assert not Contact.objects.exists()
    assert hooks.fake.ledger.by_route == {"GET /contacts/{id}": 1}
    tomb = Tombstone.objects.get()
    assert (tomb.origin, tomb.unsubscribed) == ("remote", True)


def test_a_deletion_of_a_contact_that_exists_deletes_nothing(hooks: Hooks, ada: Contact) -> None:
    hooks.fake.quirks["recreated_id"] = "same"
    with later():
        hooks.fake.dashboard.delete_contact("ada@example.org")
        hooks.fake.dashboard.create_contact("ada@example.org", first_name="Back")
        hooks.apply()

    assert contact_at("ada@example.org").first_name == "Back"


def test_a_proxys_404_proves_nothing(hooks: Hooks, ada: Contact) -> None:
    with later():
        hooks.fake.dashboard.delete_contact("ada@example.org")
        hooks.deliver()
        hooks.fake.faults.add("status", status=404, body="<html>", route="GET /contacts/{id}")
        assert apply_events().retried == 1
        assert Contact.objects.exists()
    with later(hours=2):
        apply_events()
        assert not Contact.objects.exists()


@pytest.mark.parametrize("known", [True, False])
def test_a_late_update_revives_no_deleted_contact(hooks: Hooks, ada: Contact, known: bool) -> None:
    with later():
        if not known:
            hooks.fake.dashboard.create_contact("bo@example.org")
        address = "ada@example.org" if known else "bo@example.org"
        hooks.fake.dashboard.edit_contact(address, first_name="Late")
        late = hooks.hold()
        hooks.fake.dashboard.delete_contact(address)
        hooks.apply()
        for delivery in late:
            hooks.send(delivery)
        hooks.apply()

        assert not Contact.objects.for_address(address).exists()


def test_what_waits_in_the_outbox_meets_the_event_in_the_merge(hooks: Hooks, ada: Contact) -> None:
    with later():
        ada.first_name = "Here"
        ada.save()
        hooks.fake.dashboard.edit_contact("ada@example.org", last_name="There")
        hooks.fake.dashboard.unsubscribe("ada@example.org")
        hooks.apply()
        push_outbox()

        assert differences(hooks.fake) == []
    ada.refresh_from_db()
    assert (ada.first_name, ada.last_name, ada.unsubscribed) == ("Here", "There", True)


def test_a_pending_opt_out_beats_an_event_that_tells_of_an_opt_in(
    hooks: Hooks, ada: Contact
) -> None:
    with later():
        ada.unsubscribed = True
        ada.save()
        hooks.fake.dashboard.edit_contact("ada@example.org", first_name="Augusta")
        hooks.apply()

    ada.refresh_from_db()
    assert (ada.first_name, ada.unsubscribed) == ("Augusta", True)


def test_a_page_read_before_an_event_does_not_undo_it(hooks: Hooks, ada: Contact) -> None:
    with later():
        read_at = timezone.now()
        old = ContactRow.read({"id": ada.remote_id, "email": ada.email, "unsubscribed": False})
        hooks.fake.dashboard.unsubscribe("ada@example.org")
        hooks.apply()
        apply_contacts([old], fetched_at=read_at)

    assert contact_at("ada@example.org").unsubscribed


def test_a_change_from_outside_has_its_properties_read_first(hooks: Hooks, ada: Contact) -> None:
    hooks.fake.dashboard.create_property("plan")
    hooks.fake.quirks["updated_on_properties"] = "yes"
    pull_all()
    assert contact_at("ada@example.org").deep_checked_at is not None
    with later():
        hooks.fake.dashboard.edit_contact("ada@example.org", properties={"plan": "pro"})
        hooks.fake.dashboard.edit_contact("ada@example.org", properties={"plan": "max"})
        hooks.apply()

        assert contact_at("ada@example.org").deep_checked_at is None
        assert hooks.fake.ledger.total == 0
    with later(hours=2):
        pull_all(shallow=False)
    assert contact_at("ada@example.org").properties == {"plan": "max"}
    assert ContactProperty.objects.count() == 1


def test_a_segment_that_an_event_names_is_joined_and_none_is_left(
    hooks: Hooks, ada: Contact
) -> None:
    board = hooks.fake.dashboard
    board.create_segment("VIP")
    board.create_segment("Old")
    board.add_to_segment("ada@example.org", "Old")
    pull_all()
    with later():
        board.add_to_segment("ada@example.org", "VIP")
        board.remove_from_segment("ada@example.org", "Old")
        board.edit_contact("ada@example.org", first_name="A")
        hooks.apply()
        assert set(ada.segments.values_list("name", flat=True)) == {"VIP", "Old"}
        assert not OutboxEntry.objects.exists()
    with later(hours=2):
        pull_all()
    assert list(ada.segments.values_list("name", flat=True)) == ["VIP"]


def test_a_segment_left_here_is_not_joined_again_by_an_event(hooks: Hooks, ada: Contact) -> None:
    hooks.fake.dashboard.create_segment("VIP")
    hooks.fake.dashboard.add_to_segment("ada@example.org", "VIP")
    pull_all()
    with later():
        ada.segments.remove(Segment.objects.get())
        hooks.fake.dashboard.edit_contact("ada@example.org", first_name="A")
        hooks.apply()
        push_outbox()
        assert differences(hooks.fake) == []
    assert not ada.segments.exists()


def test_many_events_take_few_statements(hooks: Hooks) -> None:
    hooks.fake.dashboard.seed(contacts=200)
    pull_all()
    with later():
        for number in range(1, 11):
            hooks.fake.dashboard.unsubscribe(f"person{number}@example.org")
        hooks.deliver()
        with CaptureQueriesContext(connection) as few:
            apply_events()
        for number in range(11, 191):
            hooks.fake.dashboard.unsubscribe(f"person{number}@example.org")
        hooks.deliver()
        with CaptureQueriesContext(connection) as many:
            apply_events()

    assert Contact.objects.filter(unsubscribed=True).count() == 190
    # Django 5.2 gives SQLite at most 999 values an insert, so contacts are stored in parts.
    parts = 4 * int(django.VERSION < (6, 0) and connection.vendor == "sqlite")
    assert len(many) <= len(few) + 1 + parts


def test_a_mass_of_404s_without_deletions_is_left_to_the_sweep(hooks: Hooks) -> None:
    """As when the key is another team's: then Resend has none of the contacts."""
    hooks.fake.dashboard.seed(contacts=40)
    pull_all()
    with later():
        people = [f"person{number}@example.org" for number in range(1, 41)]
        for person in people:
            hooks.fake.dashboard.edit_contact(person, first_name=None)
        hooks.deliver()
        for person in people:
            hooks.fake.dashboard.delete_contact(person)
        hooks.hold()
        apply_events()

    assert Contact.objects.count() == 30
    left = WebhookEvent.objects.filter(error__startswith="Resend doesn't have this contact")
    assert left.count() == 30
