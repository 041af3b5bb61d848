"""Bulk operations on segments and topics: what they change, what they leave out, what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models import QuerySet, Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from django_resend.models import (
    Contact,
    Kind,
    MembershipRemoval,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Subscription,
    Tombstone,
    Topic,
    TopicSubscription,
)
from django_resend.models.bulk import (
    BulkResult,
    LeftOut,
    add_to_segments,
    delete_contacts,
    remove_from_segments,
    subscribe_to_topics,
    unsubscribe_from_topics,
)

pytestmark = pytest.mark.django_db

Operation = Callable[[QuerySet[Contact], list[Any]], BulkResult]


def make_contacts(count: int) -> QuerySet[Contact]:
    Contact.untracked.bulk_create(
        Contact(email=f"p{n}@example.org", email_key=f"p{n}@example.org") for n in range(count)
    )
    contacts: QuerySet[Contact] = Contact.objects.order_by("pk")
    return contacts


def make_segment(name: str = "Friends") -> Segment:
    return Segment.objects.create(name=name)


def make_topic(name: str = "News", **values: Any) -> Topic:
    values.setdefault("default_subscription", Subscription.OPT_IN)
    return Topic.objects.create(name=name, **values)


def put(row: Any) -> None:
    """Store a row as a pull does: without an outbox entry."""
    type(row).untracked.bulk_create([row])


def waiting() -> set[int]:
    entries = OutboxEntry.objects.filter(kind=Kind.CONTACT)
    return set(entries.values_list("object_id", flat=True))


def test_adding_to_segments_makes_every_missing_membership() -> None:
    contacts = make_contacts(3)
    friends, vips = make_segment("Friends"), make_segment("VIPs")
    member = contacts[0]
    put(SegmentMembership(contact=member, segment=friends))

    result = add_to_segments(contacts, [friends, vips])

    assert result == BulkResult(changed=5, unchanged=1)
    assert friends.memberships.count() == vips.memberships.count() == 3


def test_only_contacts_that_change_reach_the_outbox() -> None:
    contacts = make_contacts(3)
    friends = make_segment()
    member = contacts[0]
    put(SegmentMembership(contact=member, segment=friends))

    add_to_segments(contacts, [friends])

    assert waiting() == set(contacts.values_list("pk", flat=True)) - {member.pk}


def test_removing_from_a_segment_remembers_what_resend_still_has() -> None:
    contacts = make_contacts(3)
    friends = make_segment()
    for contact in contacts[:2]:
        put(SegmentMembership(contact=contact, segment=friends, confirmed_at=timezone.now()))

    result = remove_from_segments(contacts, [friends])

    assert result == BulkResult(changed=2, unchanged=1)
    assert not SegmentMembership.objects.exists()
    assert MembershipRemoval.objects.count() == 2
    assert len(waiting()) == 2


def test_a_filter_that_the_change_affects_still_selects_every_contact() -> None:
    make_contacts(7)
    friends = make_segment()
    add_to_segments(Contact.objects.all(), [friends])

    with patch("django_resend.models.bulk.BATCH_ROWS", 3):
        result = remove_from_segments(Contact.objects.filter(segments=friends), [friends])

    assert result.changed == 7


def test_a_queryset_whose_joins_repeat_contacts_counts_each_once() -> None:
    contacts = make_contacts(2)
    segments = [make_segment(name) for name in "abc"]
    add_to_segments(contacts, segments)

    result = subscribe_to_topics(Contact.objects.filter(segments__in=segments), [make_topic()])

    assert result.changed == 2


def test_subscribing_leaves_out_people_who_opted_out() -> None:
    contacts = make_contacts(3)
    news = make_topic()
    refuser, reader, _newcomer = contacts
    refuser.opt_out(news)
    put(TopicSubscription(contact=reader, topic=news, subscription=Subscription.OPT_IN))

    result = subscribe_to_topics(contacts, [news])

    assert result == BulkResult(changed=1, unchanged=1, left_out=Counter({LeftOut.OPTED_OUT: 1}))
    assert refuser.topicsubscription_set.get().subscription == Subscription.OPT_OUT


def test_subscribing_leaves_out_a_returned_address_whose_owner_had_opted_out() -> None:
    news = make_topic(remote_id="t-1")
    first = Contact.objects.create(email="ada@example.org")
    first.opt_out(news)
    Contact.untracked.filter(pk=first.pk).update(remote_id="c-1")
    first.refresh_from_db()
    first.delete()
    Contact.objects.create(email="Ada@example.org")

    result = subscribe_to_topics(Contact.objects.all(), [news])

    assert result == BulkResult(left_out=Counter({LeftOut.REMEMBERED: 1}))
    assert not TopicSubscription.objects.exists()


def test_subscribing_counts_people_whom_broadcasts_do_not_reach() -> None:
    contacts = make_contacts(3)
    contacts.filter(pk=contacts[0].pk).update(unsubscribed=True)

    result = subscribe_to_topics(contacts, [make_topic()])

    assert result == BulkResult(changed=3, unsubscribed=1)
    assert contacts.filter(unsubscribed=True).count() == 1


def test_unsubscribing_records_the_opt_out_whatever_was_chosen_before() -> None:
    contacts = make_contacts(3)
    news = make_topic()
    reader, refuser, _undecided = contacts
    put(TopicSubscription(contact=reader, topic=news, subscription=Subscription.OPT_IN))
    refuser.opt_out(news)
    OutboxEntry.objects.all().delete()

    result = unsubscribe_from_topics(contacts, [news])

    assert result == BulkResult(changed=2, unchanged=1)
    assert set(news.subscriptions.values_list("subscription", flat=True)) == {"opt_out"}
    assert waiting() == set(contacts.values_list("pk", flat=True)) - {refuser.pk}


def test_deleting_leaves_tombstones_that_remember_the_opt_outs() -> None:
    contacts = make_contacts(3)
    contacts[0].opt_out(make_topic(remote_id="t-1"))
    Contact.untracked.update(remote_id=Concat(Value("c-"), "email_key"))

    with patch("django_resend.models.bulk.BATCH_ROWS", 2):
        result = delete_contacts(contacts)

    assert result == BulkResult(changed=3)
    assert not Contact.objects.exists()
    assert Tombstone.objects.get(email="p0@example.org").topic_opt_outs == ["t-1"]
    assert OutboxEntry.objects.exclude(remote_id="").count() == 3


@pytest.mark.parametrize(
    ("operation", "make"),
    [
        (add_to_segments, make_segment),
        (remove_from_segments, make_segment),
        (subscribe_to_topics, make_topic),
        (unsubscribe_from_topics, make_topic),
    ],
)
def test_a_batch_costs_the_same_queries_however_many_contacts_it_holds(
    operation: Operation, make: Callable[[], Any]
) -> None:
    contacts = make_contacts(50)
    chosen = [make()]
    first = contacts.order_by("pk")[0].pk
    add_to_segments(contacts, [s for s in chosen if isinstance(s, Segment)])

    with CaptureQueriesContext(connection) as few:
        operation(contacts.filter(pk=first), chosen)
    with CaptureQueriesContext(connection) as many:
        operation(contacts.exclude(pk=first), chosen)

    assert len(few) == len(many) <= 20


def test_each_batch_is_one_transaction(transactional_db: None) -> None:
    """What earlier batches wrote stands; the batch that fails leaves nothing, no outbox entry."""
    contacts = make_contacts(5)
    friends = make_segment()
    record = OutboxEntry.objects.record
    calls = 0

    def fail_in_second_batch(*args: Any, **kwargs: Any) -> None:
        nonlocal calls
        calls += 1
        record(*args, **kwargs)
        if calls == 2:
            raise RuntimeError("the process dies here")

    with (
        patch("django_resend.models.bulk.BATCH_ROWS", 2),
        patch.object(OutboxEntry.objects, "record", fail_in_second_batch),
        pytest.raises(RuntimeError),
    ):
        add_to_segments(contacts, [friends])

    members = set(friends.memberships.values_list("contact_id", flat=True))
    assert members == waiting() == set(contacts.order_by("pk").values_list("pk", flat=True)[:2])


class NoOrderOfOperationsTurnsAnOptOutIntoAnOptIn(TestCase):
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from([subscribe_to_topics, unsubscribe_from_topics]),
                st.sets(st.integers(0, 3), min_size=1),
                st.sets(st.integers(0, 1), min_size=1),
            ),
            max_size=8,
        )
    )
    def test(self, steps: list[tuple[Operation, set[int], set[int]]]) -> None:
        people = list(make_contacts(4).order_by("pk"))
        topics = [make_topic(), make_topic("Offers", default_subscription="opt_out")]
        opted_out = set[tuple[int, int]]()
        for operation, who, which in steps:
            pks = [people[n].pk for n in who]
            operation(Contact.objects.filter(pk__in=pks), [topics[n] for n in which])
            rows = TopicSubscription.objects.values_list("contact_id", "topic_id", "subscription")
            choices = {(contact, topic): choice for contact, topic, choice in rows}
            assert all(choices[pair] == "opt_out" for pair in opted_out)
            opted_out |= {pair for pair, choice in choices.items() if choice == "opt_out"}
