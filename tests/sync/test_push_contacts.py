"""Pushing contacts: the least that is needed, never over someone's opt-out."""

from __future__ import annotations

from typing import Any

import pytest

from django_resend.models import (
    ConsentError,
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    Topic,
    TopicSubscription,
)
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(resend_fake: FakeResend) -> FakeResend:
    """A mirror in step with a small team."""
    board = resend_fake.dashboard
    board.create_segment("VIP")
    board.create_topic("News", "opt_in")
    board.create_property("plan", "string")
    board.create_contact(
        "ada@example.org", first_name="Ada", properties={"plan": "pro"}, segments=["VIP"]
    )
    board.create_contact("out@example.org", unsubscribed=True)
    pull_all()
    resend_fake.ledger.reset()
    return resend_fake


def ada() -> Contact:
    return Contact.objects.for_address("ada@example.org").get()


def sent(fake: FakeResend) -> dict[str, int]:
    """The calls made since the last look."""
    routes = dict(fake.ledger.by_route)
    fake.ledger.reset()
    return routes


def test_a_changed_name_is_one_patch_with_that_name_only(site: FakeResend) -> None:
    contact = ada()
    contact.first_name = "Augusta"
    contact.save()
    report = push_outbox()
    assert (report.done, report.complete) == (1, True)
    assert sent(site) == {"PATCH /contacts/{id}": 1}
    assert differences(site) == []


def test_many_saves_are_one_call(site: FakeResend) -> None:
    contact = ada()
    for number in range(100):
        contact.first_name = f"Ada {number}"
        contact.properties["plan"] = f"plan {number}"
        contact.save()
    push_outbox()
    assert sent(site) == {"PATCH /contacts/{id}": 1}
    assert differences(site) == []


def test_a_save_that_changes_nothing_and_an_edit_undone_cost_no_call(site: FakeResend) -> None:
    contact = ada()
    contact.save()
    assert not OutboxEntry.objects.exists()
    for name in ("Augusta", "Ada"):
        contact.first_name = name
        contact.save()
    vip = Segment.objects.get()
    contact.segments.remove(vip)
    contact.segments.add(vip)
    assert push_outbox().done == 1
    assert sent(site) == {}
    assert not OutboxEntry.objects.exists()


def test_a_new_contact_is_looked_up_and_created_complete(site: FakeResend) -> None:
    contact = Contact.objects.create(
        email="Grace+navy@Example.org", first_name="Grace", properties={"plan": "free"}
    )
    contact.segments.add(Segment.objects.get())
    contact.opt_out(Topic.objects.get())
    push_outbox()
    assert sent(site) == {
        "GET /contacts/{id}": 1,
        "POST /contacts": 1,
        "GET /contacts/{id}/topics": 1,
    }
    assert differences(site) == []


def test_a_new_contact_that_exists_at_resend_is_linked_and_its_opt_out_kept(
    site: FakeResend,
) -> None:
    site.dashboard.create_contact("late@example.org", last_name="Late", unsubscribed=True)
    contact = Contact.objects.create(email="Late@example.org", first_name="Laura")
    push_outbox()
    contact.refresh_from_db()
    assert (contact.unsubscribed, contact.first_name, contact.last_name) == (True, "Laura", "Late")
    assert "POST /contacts" not in sent(site)
    assert differences(site) == []


def test_definitions_go_before_the_contacts_that_use_them(site: FakeResend) -> None:
    contact = ada()
    contact.properties = {"plan": "pro", "seats": 4}
    contact.save()
    segment = Segment.objects.create(name="New")
    contact.segments.add(segment)
    ContactProperty.objects.create(key="seats", type="number")
    contact.opt_out(Topic.objects.create(name="Offers", default_subscription="opt_in"))
    assert push_outbox().complete
    assert differences(site) == []


def test_an_unsubscribe_is_sent_and_a_second_save_sends_nothing(site: FakeResend) -> None:
    contact = ada()
    contact.unsubscribed = True
    contact.save()
    push_outbox()
    contact.save()
    push_outbox()
    assert sent(site) == {"PATCH /contacts/{id}": 1}
    assert differences(site) == []


@pytest.mark.parametrize("way", ["save", "update", "bulk_update"])
def test_no_ordinary_write_takes_an_opt_out_back(site: FakeResend, way: str) -> None:
    contact = Contact.objects.for_address("out@example.org").get()
    contact.unsubscribed = False
    with pytest.raises(ConsentError, match="resubscribe"):
        if way == "save":
            contact.save()
        elif way == "update":
            Contact.objects.filter(pk=contact.pk).update(unsubscribed=False)
        else:
            Contact.objects.bulk_update([contact], ["unsubscribed"])
    contact.refresh_from_db()
    assert contact.unsubscribed
    assert push_outbox().calls == 0


def test_an_opt_out_undone_behind_our_back_is_restored_not_sent(site: FakeResend) -> None:
    contact = Contact.objects.for_address("out@example.org").get()
    Contact.untracked.filter(pk=contact.pk).update(unsubscribed=False)
    contact.refresh_from_db()
    contact.first_name = "Otto"
    contact.save()
    push_outbox()
    contact.refresh_from_db()
    assert contact.unsubscribed
    assert differences(site) == []


def test_the_explicit_call_opts_in_again_once(site: FakeResend) -> None:
    contact = Contact.objects.for_address("out@example.org").get()
    contact.resubscribe(by="clerk", reason="asked by letter")
    push_outbox()
    assert differences(site) == []
    assert not Contact.objects.get(pk=contact.pk).unsubscribed
    # The record is used up: an opt-out that follows isn't undone by it.
    site.dashboard.unsubscribe("out@example.org")
    site.clock.advance(10)
    contact = Contact.objects.get(pk=contact.pk)
    Contact.untracked.filter(pk=contact.pk).update(pushed_at=None)
    pull_all(deep=False)
    contact.refresh_from_db()
    contact.first_name = "Otto"
    contact.save()
    push_outbox()
    assert Contact.objects.get(pk=contact.pk).unsubscribed
    assert differences(site) == []


def test_a_topic_choice_is_one_patch_and_one_read_back(site: FakeResend) -> None:
    ada().opt_out(Topic.objects.get())
    push_outbox()
    assert sent(site) == {"PATCH /contacts/{id}/topics": 1, "GET /contacts/{id}/topics": 1}
    assert differences(site) == []


def test_a_topic_opt_in_again_needs_the_explicit_call(site: FakeResend) -> None:
    contact, topic = ada(), Topic.objects.get()
    contact.opt_out(topic)
    push_outbox()
    row = TopicSubscription.objects.get(contact=contact)
    row.subscription = "opt_in"
    with pytest.raises(ConsentError, match="opt_in"):
        row.save()
    with pytest.raises(ConsentError, match="opt_in"):
        TopicSubscription.objects.filter(pk=row.pk).update(subscription="opt_in")
    contact.opt_in(topic, by="clerk", reason="ticked the box")
    push_outbox()
    assert TopicSubscription.objects.get(contact=contact).subscription == "opt_in"
    assert differences(site) == []


def test_an_opt_out_that_resend_does_not_show_stays_pending(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.create_topic("News", "opt_in")
    resend_fake.dashboard.create_contact("ada@example.org")
    pull_all()
    resend_fake.quirks["topics_patch"] = "ignored"
    ada().opt_out(Topic.objects.get())
    report = push_outbox()
    entry = OutboxEntry.objects.get()
    assert (report.retried, entry.state) == (1, "pending")
    assert "doesn't show" in entry.error_message
    assert TopicSubscription.objects.get().subscription == "opt_out"


def test_joining_and_leaving_are_one_call_each(site: FakeResend) -> None:
    contact, vip = ada(), Segment.objects.get()
    new = Segment.objects.create(name="New")
    push_outbox()
    sent(site)
    contact.segments.set([new])
    push_outbox()
    assert sent(site) == {
        "DELETE /contacts/{id}/segments/{segment_id}": 1,
        "POST /contacts/{id}/segments/{segment_id}": 1,
    }
    vip.contacts.add(contact)
    push_outbox()
    assert differences(site) == []


def test_a_local_delete_deletes_remotely_and_a_pull_does_not_bring_it_back(
    site: FakeResend,
) -> None:
    ada().delete()
    pull_all(deep=False)
    assert not Contact.objects.for_address("ada@example.org").exists()
    assert push_outbox().complete
    pull_all()
    assert differences(site) == []
    assert {row["email"] for row in site.state()["contacts"]} == {"out@example.org"}


def test_deleting_what_resend_does_not_have_any_more_is_success(site: FakeResend) -> None:
    site.dashboard.delete_contact("ada@example.org")
    ada().delete()
    assert push_outbox().complete


def test_a_contact_never_sent_leaves_no_trace_when_deleted(site: FakeResend) -> None:
    contact = Contact.objects.create(email="brief@example.org")
    contact.delete()
    assert not OutboxEntry.objects.exists()
    assert push_outbox().calls == 0


def test_what_was_deleted_at_resend_is_not_created_again_by_a_save(site: FakeResend) -> None:
    site.dashboard.delete_contact("ada@example.org")
    contact = ada()
    contact.first_name = "Augusta"
    contact.save()
    report = push_outbox()
    assert report.refused == 1
    assert "POST /contacts" not in sent(site)
    pull_all(deep=False)
    assert not Contact.objects.for_address("ada@example.org").exists()
    assert not OutboxEntry.objects.exists()
    assert differences(site) == []


def test_a_changed_address_replaces_the_remote_contact_and_keeps_everything(
    site: FakeResend,
) -> None:
    contact = ada()
    contact.opt_out(Topic.objects.get())
    push_outbox()
    sent(site)
    pk = contact.pk
    contact.email = "ada@lovelace.example"
    contact.save()
    assert push_outbox().complete
    assert sent(site)["POST /contacts"] == 1
    assert differences(site) == []
    moved = Contact.objects.for_address("ada@lovelace.example").get()
    assert moved.pk == pk
    assert [row["email"] for row in site.state()["contacts"]].count("ada@lovelace.example") == 1
    assert moved.segments.count() == 1


def test_a_refused_row_tells_the_vendors_words_and_does_not_stop_the_rest(
    site: FakeResend,
) -> None:
    bad, good = Contact.objects.create(email="bad@example.org"), ada()
    bad.properties = {"unheard_of": "x"}
    bad.save()
    good.first_name = "Augusta"
    good.save()
    report = push_outbox()
    assert (report.done, report.refused) == (1, 1)
    entry = OutboxEntry.objects.get()
    assert (entry.object_id, entry.state, entry.error_status) == (bad.pk, "refused", 422)
    assert entry.error_name
    assert entry.error_message
    assert push_outbox().calls == 0
    # The next change of the row tries again.
    bad.properties = {"plan": "free"}
    bad.save()
    assert push_outbox().complete
    assert differences(site) == []


@pytest.mark.parametrize("kind", ["timeout", "drop", "status"])
def test_a_create_whose_answer_was_lost_is_adopted_not_repeated(
    site: FakeResend, kind: str, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "TIMEOUT": (1, 0.3)}
    contact = Contact.objects.create(email="lost@example.org", first_name="Lost")
    contact.segments.add(Segment.objects.get())
    site.faults.add(route="POST /contacts", kind=kind, status=500, after_effect=True)
    assert push_outbox().retried == 1
    contact.refresh_from_db()
    contact.first_name = "Found"
    contact.save()
    site.dashboard.unsubscribe("lost@example.org")
    assert push_outbox().complete
    assert sent(site)["POST /contacts"] == 1
    contact.refresh_from_db()
    assert (contact.first_name, contact.unsubscribed) == ("Found", True)
    assert differences(site) == []


@pytest.mark.parametrize("kind", ["segment", "topic", "property"])
def test_a_definition_whose_answer_was_lost_is_not_created_twice(
    resend_fake: FakeResend, kind: str
) -> None:
    routes = {"segment": "/segments", "topic": "/topics", "property": "/contact-properties"}
    if kind == "segment":
        Segment.objects.create(name="VIP")
    elif kind == "topic":
        Topic.objects.create(name="News", default_subscription="opt_in")
    else:
        ContactProperty.objects.create(key="plan")
    resend_fake.faults.add(route=f"POST {routes[kind]}", status=500, after_effect=True)
    assert push_outbox().retried == 1
    OutboxEntry.objects.update(next_attempt_at="2020-01-01T00:00:00Z")
    assert push_outbox().complete
    assert differences(resend_fake) == []


@pytest.mark.parametrize("status", ["404", "405"])
def test_where_segments_can_not_be_renamed_it_is_said_and_nothing_is_recreated(
    site: FakeResend, status: str
) -> None:
    site.quirks["segment_rename"] = status
    segment = Segment.objects.get()
    segment.name = "Very important"
    segment.save()
    assert push_outbox().refused == 1
    assert "renaming" in OutboxEntry.objects.get().error_message
    assert len(site.state()["segments"]) == 1
