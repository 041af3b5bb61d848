"""Saving a mirrored object: cheap, recorded with the change, never lost, never for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext

from django_resend.models import (
    ConsentError,
    ConsentRecord,
    Contact,
    ContactProperty,
    Kind,
    OutboxEntry,
    Segment,
    Topic,
)

pytestmark = pytest.mark.django_db

CONTROL = ("BEGIN", "COMMIT", "START TRANSACTION", "SET AUTOCOMMIT", "SAVEPOINT", "RELEASE")


def statements(act: Callable[[], Any]) -> int:
    """The queries of an act, transaction control apart."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return sum(not query["sql"].startswith(CONTROL) for query in captured.captured_queries)


def plainly(contact: Contact, **options: Any) -> None:
    """Save as Django itself does, past everything of ours."""
    models.Model.save(contact, **options)


def recorded() -> set[tuple[str, int]]:
    return set(OutboxEntry.objects.values_list("kind", "object_id"))


def pushed() -> None:
    OutboxEntry.objects.all().delete()


def stored(**values: Any) -> Contact:
    contact = Contact.objects.create(**{"email": "ada@example.org", **values})
    pushed()
    return Contact.objects.get(pk=contact.pk)


class TestWhatASaveCosts:
    def test_a_new_contact_costs_one_query_more_than_a_plain_model(self) -> None:
        plain = Contact(email="plain@example.org", email_key="plain@example.org")
        ours = Contact(email="ours@example.org")

        assert statements(lambda: plainly(plain)) == 1
        assert statements(ours.save) == 2

    @pytest.mark.parametrize(
        "change",
        [
            {"first_name": "Ada"},
            {"unsubscribed": True},
            {"properties": {"plan": "pro"}},
            {"first_name": "Ada", "last_name": "Lovelace", "unsubscribed": True},
        ],
        ids=lambda change: "+".join(change),
    )
    def test_a_changed_contact_costs_one_query_more(self, change: dict[str, Any]) -> None:
        contact = stored()
        for name, value in change.items():
            setattr(contact, name, value)

        assert statements(contact.save) == 2
        assert statements(lambda: plainly(contact)) == 1

    def test_a_changed_address_costs_three_more_for_the_opt_outs_to_remember(self) -> None:
        contact = stored()
        contact.email = "other@example.org"

        assert statements(contact.save) <= 4

    def test_an_unchanged_contact_costs_what_a_plain_model_does(self) -> None:
        contact = stored(unsubscribed=True)

        assert statements(contact.save) == statements(lambda: plainly(contact)) == 1

    def test_naming_the_fields_costs_one_query_more(self) -> None:
        contact = stored()
        contact.first_name = "Ada"

        assert statements(lambda: contact.save(update_fields=["first_name"])) == 2

    @pytest.mark.django_db(transaction=True)
    def test_a_save_in_autocommit_costs_no_more(self) -> None:
        contact = stored()
        contact.first_name = "Ada"

        assert statements(contact.save) == 2

    @pytest.mark.parametrize("model", [Segment, Topic, ContactProperty])
    def test_a_definition_costs_one_query_more(self, model: Any) -> None:
        values = {"key": "plan"} if model is ContactProperty else {"name": "Friends"}

        assert statements(lambda: model.objects.create(**values)) == 2


class TestWhatASaveRecords:
    def test_a_change_is_recorded_once_however_often_it_is_made(self) -> None:
        contact = stored()
        for name in ("Ada", "Augusta", "Ada"):
            contact.first_name = name
            contact.save()

        assert recorded() == {("contact", contact.pk)}
        assert OutboxEntry.objects.count() == 1

    @pytest.mark.parametrize("again", ["as made", "as loaded", "equal values", "by name"])
    def test_a_save_that_changes_nothing_records_nothing(
        self, again: str, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            contact = Contact.objects.create(email="ada@example.org", properties={"plan": "pro"})
        pushed()
        if again != "as made":
            contact = Contact.objects.get()
        if again == "equal values":
            contact.properties = {"plan": "pro"}
            contact.first_name = ""
        contact.save(**({"update_fields": ["first_name"]} if again == "by name" else {}))

        assert recorded() == set()

    def test_a_value_changed_inside_the_dict_is_recorded(self) -> None:
        contact = stored(properties={"plan": "free"})
        contact.properties["plan"] = "pro"
        contact.save()

        assert recorded() == {("contact", contact.pk)}
        assert Contact.objects.get().properties == {"plan": "pro"}

    def test_a_change_that_is_not_saved_is_recorded_by_the_save_that_saves_it(self) -> None:
        contact = stored()
        contact.first_name = "Ada"
        contact.last_name = "Lovelace"
        contact.save(update_fields=["last_name"])
        pushed()
        contact.save()

        assert recorded() == {("contact", contact.pk)}
        assert Contact.objects.get().first_name == "Ada"

    def test_bookkeeping_alone_is_no_change(self) -> None:
        contact = stored()
        contact.raw = {"id": "x"}
        contact.save(update_fields=["raw"])

        assert recorded() == set()

    def test_a_partly_loaded_contact_records_what_it_changes(self) -> None:
        pk = stored(first_name="Ada").pk
        contact = Contact.objects.only("last_name").get()
        contact.save()
        assert recorded() == set()
        contact.last_name = "Lovelace"
        contact.save()

        assert recorded() == {("contact", pk)}
        assert Contact.objects.get().first_name == "Ada"

    def test_a_stale_copy_undoes_nothing_that_was_written_since(self) -> None:
        stale = stored()
        Contact.objects.update(first_name="Ada", unsubscribed=True)
        stale.last_name = "Lovelace"
        stale.save()

        fresh = Contact.objects.get()
        assert (fresh.first_name, fresh.last_name) == ("Ada", "Lovelace")
        assert fresh.unsubscribed

    def test_a_rolled_back_change_leaves_nothing(self) -> None:
        contact = stored()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            contact.first_name = "Ada"
            contact.save()
            _ = 1 / 0

        assert recorded() == set()
        assert Contact.objects.get().first_name == ""

    def test_a_rolled_back_change_can_be_saved_again(self) -> None:
        contact = stored()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            contact.first_name = "Ada"
            contact.save()
            _ = 1 / 0
        contact.save()

        assert Contact.objects.get().first_name == "Ada"
        assert recorded() == {("contact", contact.pk)}

    def test_a_refused_entry_becomes_due_again_by_the_next_change(self) -> None:
        contact = stored()
        Contact.objects.update(first_name="Ada")
        OutboxEntry.objects.update(state="refused", attempts=7, error_message="No.")
        contact.last_name = "Lovelace"
        contact.save()

        entry = OutboxEntry.objects.get()
        assert (entry.state, entry.attempts, entry.error_message) == ("pending", 0, "")

    def test_the_outbox_shows_on_the_rows(self) -> None:
        new = Contact.objects.create(email="new@example.org")
        old = stored()
        old.save()
        Contact.objects.create(email="refused@example.org")
        OutboxEntry.objects.update(state="refused")
        OutboxEntry.objects.record(Kind.CONTACT, [new.pk])

        rows: Any = Contact.objects.with_outbox()
        states = {row.email: row.outbox_state for row in rows}
        assert states == {
            "ada@example.org": None,
            "new@example.org": "pending",
            "refused@example.org": "refused",
        }

    def test_a_site_that_only_pulls_records_nothing(self, settings: Any) -> None:
        settings.RESEND = {"DIRECTION": "pull"}
        contact = Contact.objects.create(email="ada@example.org")
        contact.delete()

        assert recorded() == set()


class TestConsent:
    """No way of writing takes an opt-out back, except the one that records who and why."""

    def test_a_save_does_not(self) -> None:
        contact = stored(unsubscribed=True)
        contact.unsubscribed = False

        with pytest.raises(ConsentError, match="resubscribe"), transaction.atomic():
            contact.save()
        assert Contact.objects.get().unsubscribed

    def test_an_instance_that_claims_to_be_the_row_does_not(self) -> None:
        pk = stored(unsubscribed=True).pk

        with pytest.raises(ConsentError), transaction.atomic():
            Contact(pk=pk, email="ada@example.org").save()
        assert Contact.objects.get().unsubscribed

    def test_a_copy_from_before_the_opt_out_does_not(self) -> None:
        stale = stored()
        Contact.objects.update(unsubscribed=True)
        stale.save(update_fields=["first_name", "unsubscribed"])

        assert Contact.objects.get().unsubscribed

    @pytest.mark.parametrize(
        "value",
        [False, models.Q(pk__lt=0), models.Value(False)],
        ids=["false", "expression", "value"],
    )
    def test_an_update_does_not(self, value: Any) -> None:
        stored(unsubscribed=True)

        with pytest.raises(ConsentError), transaction.atomic():
            Contact.objects.update(unsubscribed=value)
        assert Contact.objects.get().unsubscribed

    def test_a_bulk_update_does_not(self) -> None:
        contact = stored(unsubscribed=True)
        contact.unsubscribed = False

        with pytest.raises(ConsentError), transaction.atomic():
            Contact.objects.bulk_update([contact], ["unsubscribed"])
        assert Contact.objects.get().unsubscribed

    def test_an_update_or_create_does_not(self) -> None:
        stored(unsubscribed=True)

        with pytest.raises(ConsentError), transaction.atomic():
            Contact.objects.update_or_create(
                email="ada@example.org", defaults={"unsubscribed": False}
            )
        assert Contact.objects.get().unsubscribed

    def test_an_update_of_those_who_are_subscribed_is_free(self) -> None:
        stored()

        assert Contact.objects.update(unsubscribed=False) == 1

    def test_opting_out_is_one_assignment(self) -> None:
        contact = stored()
        contact.unsubscribed = True
        contact.save()

        assert Contact.objects.get().unsubscribed
        assert recorded() == {("contact", contact.pk)}

    def test_resubscribing_records_who_and_why(self) -> None:
        contact = stored(unsubscribed=True)

        contact.resubscribe(by="operator", reason="asked by letter")

        assert not Contact.objects.get().unsubscribed
        assert recorded() == {("contact", contact.pk)}
        record = ConsentRecord.objects.get()
        assert (record.email, record.by, record.reason) == (
            "ada@example.org",
            "operator",
            "asked by letter",
        )

    @pytest.mark.parametrize(("by", "reason"), [("", "asked"), ("operator", " ")])
    def test_resubscribing_without_who_or_why_is_refused(self, by: str, reason: str) -> None:
        contact = stored(unsubscribed=True)

        with pytest.raises(ValueError, match="by="):
            contact.resubscribe(by=by, reason=reason)
        assert Contact.objects.get().unsubscribed
        assert not ConsentRecord.objects.exists()
