"""One person is one local row, whatever becomes of addresses and ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from django_resend.client import errors
from django_resend.client.rows import ContactRow
from django_resend.models import ConsentRecord, Contact, OutboxEntry, Segment, Tombstone, Topic
from django_resend.sync.apply import apply_contacts
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(resend_fake: FakeResend) -> FakeResend:
    board = resend_fake.dashboard
    board.create_segment("VIP")
    board.create_topic("News", "opt_in")
    board.create_property("plan", "string")
    board.create_contact(
        "ada@example.org",
        first_name="Ada",
        unsubscribed=True,
        properties={"plan": "pro"},
        segments=["VIP"],
        topics={"News": "opt_out"},
    )
    pull_all()
    resend_fake.ledger.reset()
    return resend_fake


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between tries take no time."""
    monkeypatch.setattr("django_resend.sync.calls.sleep", lambda seconds: None)


def later() -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(hours=3), tick=True)


def ada() -> Contact:
    contact: Contact = Contact.objects.get(first_name="Ada")
    return contact


def move(contact: Contact, address: str) -> None:
    contact.email = address
    contact.save()


def test_a_moved_contact_is_never_mailable_under_its_new_address(site: FakeResend) -> None:
    """The create itself carries consent, so that no moment lies between."""
    move(ada(), "ada@lovelace.example")
    push_outbox()
    row = next(r for r in site.state()["contacts"] if r["email"] == "ada@lovelace.example")
    assert row["unsubscribed"] is True
    assert list(row["topics"].values()) == ["opt_out"]
    assert "PATCH /contacts/{id}" not in site.ledger.by_route
    assert "PATCH /contacts/{id}/topics" not in site.ledger.by_route
    assert differences(site) == []


@pytest.mark.parametrize("call", range(5))
@pytest.mark.parametrize("after", [False, True])
def test_a_move_cut_off_at_any_call_is_finished_by_the_next_run(
    site: FakeResend, call: int, after: bool
) -> None:
    contact = ada()
    pk = contact.pk
    move(contact, "ada@lovelace.example")
    for _call in range(call):
        site.faults.add("slow", seconds=0)
    site.faults.add("drop", after_effect=after, times=6)
    push_outbox()
    site.faults.clear()
    with later():
        pull_all(deep=False)
        push_outbox()
    with later():
        pull_all()
        assert push_outbox().complete
    assert differences(site) == []
    moved = Contact.objects.get()
    assert (moved.pk, moved.email, moved.unsubscribed) == (pk, "ada@lovelace.example", True)
    assert [row["email"] for row in site.state()["contacts"]] == ["ada@lovelace.example"]


def test_a_move_to_an_address_that_resend_has_takes_that_contact_over(site: FakeResend) -> None:
    site.dashboard.create_contact("taken@example.org", last_name="Known")
    contact = ada()
    move(contact, "taken@example.org")
    assert push_outbox().complete
    assert differences(site) == []
    moved = Contact.objects.get()
    assert (moved.pk, moved.last_name, moved.unsubscribed) == (contact.pk, "Known", True)


def test_a_move_whose_new_address_appeared_at_resend_first_leaves_no_double(
    site: FakeResend,
) -> None:
    move(ada(), "ada@lovelace.example")
    site.dashboard.create_contact("ada@lovelace.example")
    with later():
        pull_all()
        assert push_outbox().complete
    assert Contact.objects.get().unsubscribed
    assert differences(site) == []
    assert [row["email"] for row in site.state()["contacts"]] == ["ada@lovelace.example"]


def test_an_opt_out_that_nobody_saw_yet_moves_along(site: FakeResend) -> None:
    """Between the last pull and the push of the new address the person opts out at Resend."""
    site.dashboard.create_contact("bo@example.org", first_name="Bo")
    pull_all()
    bo = Contact.objects.get(first_name="Bo")
    move(bo, "bo@lovelace.example")
    site.dashboard.unsubscribe("bo@example.org")
    site.dashboard.choose_topic("bo@example.org", "News", "opt_out")
    push_outbox()
    bo.refresh_from_db()
    assert bo.unsubscribed
    row = next(r for r in site.state()["contacts"] if r["email"] == "bo@lovelace.example")
    assert row["unsubscribed"] is True
    assert list(row["topics"].values()) == ["opt_out"]
    returned = Contact.objects.create(email="bo@example.org")
    push_outbox()
    returned.refresh_from_db()
    assert returned.unsubscribed
    assert returned.topicsubscription_set.get().subscription == "opt_out"


def test_a_moved_contact_that_was_deleted_at_resend_is_not_created_again(site: FakeResend) -> None:
    contact = ada()
    move(contact, "ada@lovelace.example")
    site.dashboard.delete_contact("ada@example.org")
    report = push_outbox()
    assert report.refused == 1
    assert site.state()["contacts"] == []
    with later():
        pull_all()
    assert not Contact.objects.exists()
    assert not Tombstone.objects.filter(settled_at=None).exists()


def test_a_moved_contact_with_a_stale_id_leaves_nobody_behind(site: FakeResend) -> None:
    Contact.untracked.update(remote_id="00000000-0000-4000-8000-000000000000")
    move(ada(), "ada@lovelace.example")
    push_outbox()
    assert [row["email"] for row in site.state()["contacts"]] == ["ada@lovelace.example"]
    assert differences(site) == []


def test_the_left_address_keeps_its_opt_outs_for_whoever_returns(site: FakeResend) -> None:
    move(ada(), "ada@lovelace.example")
    push_outbox()
    here = Contact.objects.create(email="Ada@Example.org", first_name="Impostor")
    push_outbox()
    here.refresh_from_db()
    assert (here.unsubscribed, here.attention) == (True, "recalled")
    assert differences(site) == []


def test_a_contact_that_moves_to_an_address_with_opt_outs_takes_them_on(
    site: FakeResend,
) -> None:
    site.dashboard.create_contact("bo@example.org", first_name="Bo")
    with later():
        pull_all()
    move(ada(), "ada@lovelace.example")
    mover = Contact.objects.get(first_name="Bo")
    move(mover, "ada@example.org")
    with later():
        for _turn in range(3):
            OutboxEntry.objects.update(next_attempt_at=timezone.now())
            push_outbox()
        pull_all()
    assert differences(site) == []
    mover.refresh_from_db()
    assert (mover.email, mover.first_name, mover.unsubscribed) == ("ada@example.org", "Bo", True)
    assert ada().unsubscribed
    assert not OutboxEntry.objects.exists()


@pytest.mark.parametrize("pulls", [False, True])
def test_two_contacts_can_change_places(site: FakeResend, pulls: bool) -> None:
    site.dashboard.create_contact("bo@example.org", first_name="Bo", segments=["VIP"])
    with later():
        pull_all()
    bo, here = Contact.objects.get(first_name="Bo"), ada()
    move(here, "between@example.org")
    move(bo, "ada@example.org")
    move(here, "bo@example.org")
    with later():
        for _turn in range(4):
            if pulls:
                pull_all(deep=False)
            OutboxEntry.objects.update(next_attempt_at=timezone.now())
            push_outbox()
        pull_all()
    assert differences(site) == []
    assert {c.email: (c.pk, c.first_name) for c in Contact.objects.all()} == {
        "ada@example.org": (bo.pk, "Bo"),
        "bo@example.org": (here.pk, "Ada"),
    }
    assert not OutboxEntry.objects.exists()
    assert len(site.state()["contacts"]) == 2


def test_a_new_contact_at_an_address_that_another_is_leaving_is_itself(
    site: FakeResend,
) -> None:
    old = ada()
    move(old, "ada@lovelace.example")
    # As if the mover's entry were stuck behind the newcomer's.
    OutboxEntry.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=30))
    newcomer = Contact.objects.create(email="ada@example.org", first_name="New")
    push_outbox()
    with later():
        push_outbox()
        pull_all()
    assert differences(site) == []
    newcomer.refresh_from_db()
    assert (newcomer.first_name, newcomer.properties) == ("New", {})
    assert not newcomer.segments.exists()
    assert newcomer.unsubscribed
    old.refresh_from_db()
    assert (old.first_name, old.properties, old.segments.count()) == ("Ada", {"plan": "pro"}, 1)
    assert len(site.state()["contacts"]) == 2


def test_an_address_that_moved_at_resend_is_followed(site: FakeResend) -> None:
    contact = ada()
    Contact.untracked.filter(pk=contact.pk).update(
        email="older@example.org",
        email_key="older@example.org",
        base={**(contact.base or {}), "email": "older@example.org"},
    )
    with later():
        pull_all()
    assert differences(site) == []
    assert Contact.objects.get().pk == contact.pk


def test_a_stale_id_is_linked_anew_by_address(site: FakeResend) -> None:
    contact = ada()
    Contact.untracked.filter(pk=contact.pk).update(remote_id="00000000-0000-4000-8000-000000000000")
    with later():
        report = pull_all()
    assert report.counts["contacts_relinked"] == 1
    assert Contact.objects.get().pk == contact.pk
    assert differences(site) == []


def test_a_stale_id_met_by_a_push_is_linked_anew(site: FakeResend) -> None:
    contact = ada()
    Contact.untracked.filter(pk=contact.pk).update(remote_id="00000000-0000-4000-8000-000000000000")
    contact.refresh_from_db()
    contact.last_name = "King"
    contact.save()
    push_outbox()
    with later():
        assert push_outbox().complete
    assert differences(site) == []


def test_two_local_rows_for_one_remote_are_told_apart_by_address(site: FakeResend) -> None:
    holder = ada()
    Contact.untracked.filter(pk=holder.pk).update(
        email="other@example.org",
        email_key="other@example.org",
        base={**(holder.base or {}), "email": "other@example.org"},
    )
    Contact.untracked.bulk_create(
        [Contact(email="ada@example.org", email_key="ada@example.org", first_name="Ada")]
    )
    with later():
        report = pull_all()
    assert report.counts["contacts_relinked"] == 1
    holder.refresh_from_db()
    assert (holder.remote_id, holder.attention) == (None, "unlinked")
    assert Contact.objects.for_address("ada@example.org").get().remote_id is not None
    assert not OutboxEntry.objects.filter(object_id=holder.pk).exists()


def returns_here(site: FakeResend) -> Contact:
    contact: Contact = Contact.objects.create(email="ADA@example.org", first_name="Back")
    push_outbox()
    return contact


def returns_there(site: FakeResend) -> Contact:
    site.dashboard.create_contact("ada@example.org", first_name="Back")
    with later():
        pull_all()
        push_outbox()
    contact: Contact = Contact.objects.get(first_name="Back")
    return contact


def returns_on_both_sides(site: FakeResend) -> Contact:
    contact: Contact = Contact.objects.create(email="ada@example.org", first_name="Back")
    contact.opt_in(Topic.objects.get(), by="form", reason="ticked")
    ConsentRecord.objects.all().delete()
    site.dashboard.create_contact("ada@example.org", first_name="Back")
    with later():
        pull_all()
        push_outbox()
    return contact


@pytest.mark.parametrize("comes_back", [returns_here, returns_there, returns_on_both_sides])
@pytest.mark.parametrize("gone", ["here", "there"])
def test_a_deleted_address_that_returns_is_opted_out_again_and_flagged(
    site: FakeResend, gone: str, comes_back: Callable[[FakeResend], Contact]
) -> None:
    if gone == "here":
        ada().delete()
        push_outbox()
    else:
        site.dashboard.delete_contact("ada@example.org")
        with later():
            pull_all(deep=False)
    assert not Contact.objects.exists()
    contact = comes_back(site)
    contact.refresh_from_db()
    assert (contact.unsubscribed, contact.attention) == (True, "recalled")
    assert contact.topicsubscription_set.get().subscription == "opt_out"
    assert differences(site) == []


def test_an_explicit_opt_in_ends_the_memory(site: FakeResend) -> None:
    ada().delete()
    push_outbox()
    first = returns_here(site)
    first.refresh_from_db()
    first.resubscribe(by="clerk", reason="asked by letter")
    first.opt_in(Topic.objects.get(), by="clerk", reason="asked by letter")
    push_outbox()
    first.delete()
    push_outbox()
    second = returns_here(site)
    second.refresh_from_db()
    assert (second.unsubscribed, second.attention) == (False, "")
    assert Tombstone.objects.filter(settled_at=None).count() == 0
    assert differences(site) == []


def test_a_held_opt_in_waits_for_a_person_and_can_be_answered(
    site: FakeResend, settings: object
) -> None:
    settings.RESEND = {**settings.RESEND, "REMOTE_OPT_IN": "hold"}  # type: ignore[attr-defined]
    site.dashboard.resubscribe("ada@example.org")
    site.dashboard.choose_topic("ada@example.org", "News", "opt_in")
    with later():
        pull_all()
        assert push_outbox().calls == 0
        contact = ada()
        assert (contact.unsubscribed, contact.attention) == (True, "held")
        contact.keep_opted_out()
        assert push_outbox().complete
    contact.refresh_from_db()
    assert (contact.unsubscribed, contact.attention) == (True, "")
    assert differences(site) == []


def test_a_followed_opt_in_is_noted_in_the_consent_log(site: FakeResend) -> None:
    site.dashboard.resubscribe("ada@example.org")
    site.dashboard.choose_topic("ada@example.org", "News", "opt_in")
    with later():
        pull_all()
    assert not ada().unsubscribed
    records = ConsentRecord.objects.order_by("topic_name").values_list("by", "topic_name")
    assert list(records) == [("Resend", ""), ("Resend", "News")]
    assert differences(site) == []


def test_segments_survive_a_move(site: FakeResend) -> None:
    contact = ada()
    contact.segments.add(Segment.objects.create(name="New"))
    move(contact, "ada@lovelace.example")
    assert push_outbox().complete
    assert sorted(s.name for s in Contact.objects.get().segments.all()) == ["New", "VIP"]
    assert differences(site) == []


def test_a_key_without_rights_stops_a_move_before_it_begins(site: FakeResend) -> None:
    move(ada(), "ada@lovelace.example")
    site.faults.add("status", status=403, name="invalid_permission")
    with pytest.raises(errors.AccessRefused):
        push_outbox()
    assert push_outbox().complete
    assert differences(site) == []


def test_a_move_outlives_a_pull_that_tells_the_old_address_in_another_letter_case(
    site: FakeResend,
) -> None:
    bo = Contact.objects.create(email="Bo@Example.org")
    push_outbox()
    move(bo, "bo@new.example.org")
    with later():
        pull_all()
        push_outbox()
    bo.refresh_from_db()
    assert bo.email == "bo@new.example.org"
    assert {row["email"] for row in site.state()["contacts"]} == {
        "ada@example.org",
        "bo@new.example.org",
    }
    assert differences(site) == []


def test_two_addresses_that_differ_in_letter_case_stop_nobody() -> None:
    told = [("b", "Ada@Example.org"), ("a", "ada@example.org"), ("c", "bo@example.org")]
    rows = [ContactRow.read({"id": id, "email": email}) for id, email in told]

    with transaction.atomic():
        applied = apply_contacts(rows, fetched_at=None)

    assert set(applied.pks) == {"b", "c"}
    assert Contact.objects.get(email_key="ada@example.org").remote_id == "b"
