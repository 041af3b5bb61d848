"""What changes here while a push is under way, and what has to wait for something else."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from django_resend.client.rows import ContactRow, SubscriptionRow
from django_resend.models import (
    ConsentRecord,
    Contact,
    ContactProperty,
    Kind,
    MembershipRemoval,
    OutboxEntry,
    Segment,
    SyncRun,
    Topic,
    TopicSubscription,
)
from django_resend.sync.apply import apply_contacts
from django_resend.sync.choices import apply_choices
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.sync.push.claims import LEASE, claim
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Throttle, client_of, later

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(resend_fake: FakeResend) -> FakeResend:
    board = resend_fake.dashboard
    board.create_segment("VIP")
    board.create_contact("ada@example.org", first_name="Ada")
    pull_all()
    resend_fake.ledger.reset()
    return resend_fake


def ada() -> Contact:
    return Contact.objects.for_address("ada@example.org").get()


def settle() -> None:
    OutboxEntry.objects.update(next_attempt_at=timezone.now())
    assert push_outbox().complete


def before_call(site: FakeResend, number: int, act: Callable[[], object]) -> None:
    push_outbox(client=client_of(site, Throttle(number, act)))


class TestChangedMeanwhile:
    def test_a_segment_left_here_while_it_is_joined_there_is_left_there(
        self, site: FakeResend
    ) -> None:
        vip = Segment.objects.get()
        ada().segments.add(vip)
        before_call(site, 1, lambda: ada().segments.remove(vip))
        settle()
        assert differences(site) == []
        assert not ada().segments.exists()

    def test_a_segment_joined_again_here_while_it_is_left_there_is_joined_there(
        self, site: FakeResend
    ) -> None:
        vip = Segment.objects.get()
        ada().segments.add(vip)
        push_outbox()
        ada().segments.remove(vip)
        before_call(site, 1, lambda: ada().segments.add(vip))
        settle()
        assert differences(site) == []
        assert ada().segments.get() == vip

    def test_a_new_contact_that_leaves_a_segment_while_it_is_created_leaves_it(
        self, site: FakeResend
    ) -> None:
        vip = Segment.objects.get()
        bo = Contact.objects.create(email="bo@example.org")
        bo.segments.add(vip)
        before_call(site, 2, lambda: bo.segments.remove(vip))
        settle()
        assert differences(site) == []
        assert not bo.segments.exists()

    def test_a_contact_deleted_here_while_its_address_is_looked_up_is_not_created(
        self, site: FakeResend
    ) -> None:
        bo = Contact.objects.create(email="bo@example.org")
        before_call(site, 1, bo.delete)
        assert [row["email"] for row in site.state()["contacts"]] == ["ada@example.org"]
        assert not OutboxEntry.objects.exists()

    def test_a_contact_deleted_here_while_it_leaves_a_segment_is_deleted_there(
        self, site: FakeResend
    ) -> None:
        ada().segments.add(Segment.objects.get())
        push_outbox()
        ada().segments.clear()
        before_call(site, 1, lambda: ada().delete())
        settle()
        assert site.state()["contacts"] == []

    def test_a_contact_deleted_here_after_the_last_call_is_not_pulled_back(
        self, site: FakeResend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def delete_it(contact: Contact) -> set[str]:
            ada().delete()
            return set()

        ada().segments.add(Segment.objects.get())
        with monkeypatch.context() as patched:
            patched.setattr("django_resend.sync.push.properties.waiting", delete_it)
            push_outbox(seconds=0)
        assert site.state()["contacts"], "its deletion has not been pushed yet"
        with later():
            pull_all()
        assert not Contact.objects.exists()
        settle()
        assert site.state()["contacts"] == []


class TestConsentMeanwhile:
    """Consent that changes here while a push is under way: the later word stands."""

    @pytest.mark.parametrize("call", [1, 2, 3, 4])
    def test_an_opt_out_saved_while_the_contact_is_replaced_stays(
        self, site: FakeResend, call: int
    ) -> None:
        contact = ada()
        contact.email = "ada@lovelace.example"
        contact.save()
        before_call(site, call, lambda: Contact.objects.update(unsubscribed=True))
        settle()
        assert Contact.objects.get().unsubscribed
        assert [row["unsubscribed"] for row in site.state()["contacts"]] == [True]

    def test_an_opt_out_saved_while_another_one_is_recalled_stays(self, site: FakeResend) -> None:
        site.dashboard.create_topic("News", "opt_in")
        with later():
            pull_all()
        ada().opt_out(Topic.objects.get())
        push_outbox()
        ada().delete()
        push_outbox()
        bo = Contact.objects.create(email="ada@example.org")
        before_call(site, 1, lambda: Contact.objects.filter(pk=bo.pk).update(unsubscribed=True))
        settle()
        bo.refresh_from_db()
        assert (bo.unsubscribed, bo.attention) == (True, Contact.Attention.RECALLED)
        assert differences(site) == []

    @pytest.mark.parametrize("interrupted", [True, False])
    def test_an_opt_in_made_while_the_opted_out_contact_is_created_is_sent(
        self, site: FakeResend, interrupted: bool
    ) -> None:
        if interrupted:
            site.faults.add(route="PATCH /contacts/{id}", status=422)
        bo = Contact.objects.create(email="bo@example.org", unsubscribed=True)
        before_call(site, 2, lambda: bo.resubscribe(by="clerk", reason="asked"))
        OutboxEntry.objects.make_due(OutboxEntry.objects.all())
        settle()
        bo.refresh_from_db()
        assert not bo.unsubscribed
        assert differences(site) == []
        assert ConsentRecord.objects.get().used_at is not None

    def test_a_contact_deleted_here_while_its_new_address_is_pushed_is_gone(
        self, site: FakeResend
    ) -> None:
        contact = ada()
        contact.email = "ada@lovelace.example"
        contact.save()
        before_call(site, 1, contact.delete)
        settle()
        assert site.state()["contacts"] == []


class TestWaiting:
    """What Resend doesn't take yet waits with a reason, and the rest is sent."""

    def test_for_a_segment(self, site: FakeResend) -> None:
        site.faults.add(route="POST /segments", status=422, name="validation_error")
        contact = ada()
        contact.first_name = "Augusta"
        contact.save()
        contact.segments.add(Segment.objects.create(name="Gold"))
        push_outbox()
        entry = OutboxEntry.objects.get(kind=Kind.CONTACT)
        assert entry.error_message == "A segment of this contact isn't at Resend yet."
        assert site.state()["contacts"][0]["first_name"] == "Augusta"

    def test_for_a_topic(self, site: FakeResend) -> None:
        site.faults.add(route="POST /topics", status=422, name="validation_error")
        ada().opt_out(Topic.objects.create(name="News", default_subscription="opt_in"))
        push_outbox()
        entry = OutboxEntry.objects.get(kind=Kind.CONTACT)
        assert entry.error_message == "A topic of this contact isn't at Resend yet."

    def test_for_a_property(self, site: FakeResend) -> None:
        site.faults.add(route="POST /contact-properties", status=422, name="validation_error")
        ContactProperty.objects.create(key="plan")
        contact = ada()
        contact.properties = {"plan": "pro"}
        contact.save()
        push_outbox()
        entry = OutboxEntry.objects.get(kind=Kind.CONTACT)
        assert entry.error_message == "A property of this contact isn't at Resend yet."
        assert "PATCH /contacts/{id}" not in site.ledger.by_route

    @pytest.mark.parametrize("newcomer", [True, False])
    def test_for_an_address_that_another_is_leaving(self, site: FakeResend, newcomer: bool) -> None:
        """Whose old contact is to be deleted can't be taken over; the deletion comes first."""
        leaving = ada()
        if newcomer:
            leaving.delete()
            Contact.objects.create(email="ada@example.org", first_name="Another")
        else:
            site.dashboard.create_contact("bo@example.org", first_name="Bo")
            pull_all()
            leaving.delete()
            bo = Contact.objects.get(first_name="Bo")
            bo.email = "ada@example.org"
            bo.save()
        newest = OutboxEntry.objects.order_by("-id").first()
        assert newest is not None
        # Another machine's run holds the entry of the deletion meanwhile.
        other = SyncRun.objects.create(action="push", owner="elsewhere:1:x")
        OutboxEntry.objects.exclude(remote_id="").update(
            lease=uuid.UUID(int=other.pk), leased_until=timezone.now() + LEASE
        )
        push_outbox()
        newest.refresh_from_db()
        assert newest.error_message == ("Another contact is about to leave this address at Resend.")
        OutboxEntry.objects.update(lease=None, leased_until=None)
        settle()
        assert differences(site) == []


class TestLeases:
    def test_what_a_run_held_that_is_over_is_free_at_once(self, site: FakeResend) -> None:
        contact = ada()
        contact.first_name = "Augusta"
        contact.save()
        run = SyncRun.objects.create(action="push", state=SyncRun.State.FAILED)
        assert claim(20, run.pk)
        assert push_outbox().done == 1
        assert differences(site) == []

    def test_a_long_push_keeps_its_entry(self, site: FakeResend) -> None:
        contact = ada()
        contact.first_name = "Augusta"
        contact.save()
        run = SyncRun.objects.create(action="push")
        held = claim(20, run.pk)[0]
        with time_machine.travel(timezone.now() + LEASE * 0.6):
            held.renew()
        with time_machine.travel(timezone.now() + LEASE + timedelta(seconds=30)):
            assert claim(20, run.pk + 1) == []


def test_a_choice_for_a_topic_nobody_told_of_waits_for_the_next_pull(site: FakeResend) -> None:
    site.dashboard.create_topic("Known", "opt_in")
    with later():
        pull_all()
    TopicSubscription.untracked.all().delete()
    site.dashboard.create_topic("New", "opt_in")
    site.dashboard.choose_topic("ada@example.org", "New", "opt_out")
    with later(hours=2):
        pull_all(shallow=False)
    assert not TopicSubscription.objects.filter(subscription="opt_out").exists()
    with later(hours=3):
        pull_all()
    assert TopicSubscription.objects.get(topic__name="New").subscription == "opt_out"


def test_a_move_taken_back_before_its_push_leaves_nothing(site: FakeResend) -> None:
    contact = ada()
    contact.segments.add(Segment.objects.get())
    contact.email = "ada@lovelace.example"
    contact.save()
    site.faults.add(route="POST /contacts", status=500, times=5)
    push_outbox()
    contact.email = "ada@example.org"
    contact.save()
    settle()
    assert not MembershipRemoval.objects.exists()
    assert differences(site) == []


@pytest.fixture
def remembered(site: FakeResend) -> Contact:
    """A contact at an address that had opted out of everything, and of a topic."""
    site.dashboard.create_topic("News", "opt_in")
    with later():
        pull_all()
    gone = ada()
    gone.opt_out(Topic.objects.get())
    gone.unsubscribed = True
    gone.save()
    push_outbox()
    gone.delete()
    push_outbox()
    contact: Contact = Contact.objects.create(email="ada@example.org")
    return contact


def test_an_explicit_opt_in_ends_the_memory_of_that_opt_out_only(remembered: Contact) -> None:
    remembered.resubscribe(by="clerk", reason="asked")
    push_outbox()
    remembered.refresh_from_db()
    assert not remembered.unsubscribed
    assert TopicSubscription.objects.get(topic__name="News").subscription == "opt_out"


@pytest.mark.parametrize("sent", [True, False])
def test_an_opt_in_to_another_topic_ends_no_memory(remembered: Contact, sent: bool) -> None:
    other = Topic.objects.create(name="Offers", default_subscription="opt_in")
    if sent:
        push_outbox(only=OutboxEntry.objects.filter(kind=Kind.TOPIC))
        other.refresh_from_db()
    remembered.opt_in(other, by="clerk", reason="asked")
    push_outbox()
    remembered.refresh_from_db()
    assert remembered.unsubscribed
    assert TopicSubscription.objects.get(topic__name="News").subscription == "opt_out"


@pytest.fixture
def letter(site: FakeResend) -> Topic:
    """A topic that nobody gets unasked, and a contact that no deep pull has read."""
    site.dashboard.create_topic("Letter", "opt_out")
    with later():
        pull_all(deep=False)
    return Topic.objects.get()


@pytest.mark.parametrize("listing", ["all", "explicit"])
@pytest.mark.parametrize("pulled", [True, False])
def test_a_first_opt_in_is_not_taken_for_the_topics_default(
    site: FakeResend, letter: Topic, listing: str, pulled: bool
) -> None:
    """Resend may list a topic without a choice, by its default."""
    site.quirks["topics_listing"] = listing
    ada().opt_in(letter, by="clerk", reason="asked")
    if pulled:
        with later(hours=2):
            pull_all()
    settle()
    assert list(site.state()["contacts"][0]["topics"].values()) == ["opt_in"]
    assert differences(site) == []


def test_an_opt_out_that_a_webhook_dates_after_a_waiting_opt_in_wins(
    site: FakeResend, letter: Topic
) -> None:
    contact = ada()
    contact.opt_in(letter, by="clerk", reason="asked")
    told = SubscriptionRow.read({"id": letter.remote_id, "subscription": "opt_out"})
    when = timezone.now() + timedelta(seconds=5)
    with transaction.atomic():
        apply_choices({contact.pk: [told]}, {(contact.pk, str(letter.remote_id)): when})
    settle()
    assert TopicSubscription.objects.get().subscription == "opt_out"
    assert "opt_in" not in site.state()["contacts"][0]["topics"].values()


def test_what_is_being_deleted_stays_away_under_another_address_too(site: FakeResend) -> None:
    contact = ada()
    told = {"id": contact.remote_id, "email": "ada@lovelace.example", "unsubscribed": False}
    contact.delete()
    with transaction.atomic():
        applied = apply_contacts([ContactRow.read(told)], fetched_at=None)
    assert applied.counts["skipped"] == 1
    assert not Contact.objects.exists()
