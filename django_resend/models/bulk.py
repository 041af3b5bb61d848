"""Segments and topics for many contacts at once, a constant number of queries a batch.

Every function streams the contacts by primary key, so that neither their number nor a filter that
the change itself affects matters, and writes each batch with its outbox entries in one transaction.
Only the pairs that really change reach the outbox. The queryset of contacts must not be sliced.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .batches import BATCH_ROWS
from .contacts import Contact
from .definitions import Segment, Subscription, Topic
from .links import Pair, SegmentMembership, TopicSubscription
from .outbox import Kind
from .tombstones import Tombstone


class LeftOut(models.TextChoices):
    """Why a contact and topic were left alone."""

    OPTED_OUT = "opted_out", _("opted out of the topic")
    REMEMBERED = "remembered", _("opted out of the topic before the contact was deleted")


@dataclass
class BulkResult:
    """What a bulk operation did, in pairs of one contact and one segment or topic.

    ``unsubscribed`` counts those of the changed pairs whose contact has unsubscribed from all
    broadcasts: the change stands, but broadcasts don't reach them.
    """

    changed: int = 0
    unchanged: int = 0
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    unsubscribed: int = 0

    def add(self, other: BulkResult) -> None:
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.left_out += other.left_out
        self.unsubscribed += other.unsubscribed


def add_to_segments(contacts: models.QuerySet[Contact], segments: Iterable[Segment]) -> BulkResult:
    """Put each contact into each segment."""
    segment_pks = [segment.pk for segment in segments]

    def work(batch: _Batch) -> BulkResult:
        there = set(batch.memberships(segment_pks).values_list("contact_id", "segment_id"))
        missing = [pair for pair in batch.pairs(segment_pks) if pair not in there]
        SegmentMembership.objects.using(batch.using).bulk_create(
            SegmentMembership(contact_id=contact, segment_id=segment)
            for contact, segment in missing
        )
        return BulkResult(
            changed=len(missing), unchanged=len(there), unsubscribed=batch.unsubscribed_in(missing)
        )

    return _for_each_batch(contacts, work)


def remove_from_segments(
    contacts: models.QuerySet[Contact], segments: Iterable[Segment]
) -> BulkResult:
    """Take each contact out of each segment."""
    segment_pks = [segment.pk for segment in segments]

    def work(batch: _Batch) -> BulkResult:
        removed, _by_model = batch.memberships(segment_pks).delete()
        absent = len(batch.email_keys) * len(segment_pks) - removed
        return BulkResult(changed=removed, unchanged=absent)

    return _for_each_batch(contacts, work)


def subscribe_to_topics(contacts: models.QuerySet[Contact], topics: Iterable[Topic]) -> BulkResult:
    """Opt each contact in to each topic, except where the person opted out of it.

    To opt a person in again is ``Contact.opt_in``, one by one.
    """
    by_pk = {topic.pk: topic for topic in topics}

    def work(batch: _Batch) -> BulkResult:
        rows = batch.subscriptions(by_pk)
        choices = {
            (contact, topic): choice
            for contact, topic, choice in rows.values_list("contact_id", "topic_id", "subscription")
        }
        undecided = [pair for pair in batch.pairs(by_pk) if pair not in choices]
        remembered = _remembered_opt_outs(batch, by_pk)
        missing = [pair for pair in undecided if pair not in remembered]
        # An opt-out that arrives in the meantime stands: bulk_create ignores existing pairs.
        _choose(batch, missing, Subscription.OPT_IN)
        opted_out = sum(choice == Subscription.OPT_OUT for choice in choices.values())
        left_out = {
            LeftOut.OPTED_OUT: opted_out,
            LeftOut.REMEMBERED: len(undecided) - len(missing),
        }
        return BulkResult(
            changed=len(missing),
            unchanged=len(choices) - opted_out,
            left_out=Counter(left_out),
            unsubscribed=batch.unsubscribed_in(missing),
        )

    return _for_each_batch(contacts, work)


def unsubscribe_from_topics(
    contacts: models.QuerySet[Contact], topics: Iterable[Topic]
) -> BulkResult:
    """Opt each contact out of each topic, also where no choice was made before."""
    topic_pks = [topic.pk for topic in topics]

    def work(batch: _Batch) -> BulkResult:
        rows = batch.subscriptions(topic_pks)
        there = set(rows.values_list("contact_id", "topic_id"))
        missing = [pair for pair in batch.pairs(topic_pks) if pair not in there]
        _choose(batch, missing, Subscription.OPT_OUT)
        # After the insert, so that an opt-in made in the meantime is met too.
        opted_out = rows.exclude(subscription=Subscription.OPT_OUT).update(
            subscription=Subscription.OPT_OUT, changed_at=timezone.now()
        )
        return BulkResult(changed=len(missing) + opted_out, unchanged=len(there) - opted_out)

    return _for_each_batch(contacts, work)


def delete_contacts(contacts: models.QuerySet[Contact]) -> BulkResult:
    """Delete the contacts here and at Resend. Their opt-outs are remembered."""

    def work(batch: _Batch) -> BulkResult:
        rows = Contact.objects.using(batch.using).filter(pk__in=batch.email_keys)
        _total, by_model = rows.delete()
        return BulkResult(changed=by_model.get(Contact._meta.label, 0))

    return _for_each_batch(contacts, work)


@dataclass(frozen=True)
class _Batch:
    """The contacts of one transaction, by primary key."""

    using: str
    email_keys: dict[int, str]
    unsubscribed: frozenset[int]

    def pairs(self, others: Iterable[int]) -> Iterator[Pair]:
        return ((pk, other) for other in others for pk in self.email_keys)

    def memberships(self, segments: Collection[int]) -> models.QuerySet[SegmentMembership]:
        rows: models.QuerySet[SegmentMembership] = SegmentMembership.objects.using(self.using)
        return rows.filter(contact_id__in=self.email_keys, segment_id__in=segments)

    def subscriptions(self, topics: Collection[int]) -> models.QuerySet[TopicSubscription]:
        rows: models.QuerySet[TopicSubscription] = TopicSubscription.objects.using(self.using)
        return rows.filter(contact_id__in=self.email_keys, topic_id__in=topics)

    def unsubscribed_in(self, pairs: Iterable[Pair]) -> int:
        return sum(contact in self.unsubscribed for contact, _ in pairs)


def _for_each_batch(
    contacts: models.QuerySet[Contact], work: Callable[[_Batch], BulkResult]
) -> BulkResult:
    using = router.db_for_write(Contact)
    rows = contacts.using(using).order_by("pk").distinct()
    fields = rows.values_list("pk", "email_key", "unsubscribed")
    result = BulkResult()
    after: int | None = None
    while True:
        with transaction.atomic(using=using):
            page = list((fields if after is None else fields.filter(pk__gt=after))[:BATCH_ROWS])
            if not page:
                return result
            after = page[-1][0]
            batch = _Batch(
                using,
                {pk: email_key for pk, email_key, _ in page},
                frozenset(pk for pk, _, unsubscribed in page if unsubscribed),
            )
            result.add(work(batch))


def _choose(batch: _Batch, pairs: Iterable[Pair], choice: Subscription) -> None:
    TopicSubscription.objects.using(batch.using).bulk_create(
        TopicSubscription(contact_id=contact, topic_id=topic, subscription=choice)
        for contact, topic in pairs
    )


def _remembered_opt_outs(batch: _Batch, topics: dict[int, Topic]) -> set[Pair]:
    """The opt-outs of deleted contacts whose address is in the batch again."""
    remembered = defaultdict[str, set[str]](set)
    graves = Tombstone.objects.using(batch.using).filter(
        kind=Kind.CONTACT, email_key__in=batch.email_keys.values()
    )
    for email_key, topic_ids in graves.values_list("email_key", "topic_opt_outs"):
        remembered[email_key].update(topic_ids)
    return {
        (contact, pk)
        for contact, email_key in batch.email_keys.items()
        for pk, topic in topics.items()
        if topic.remote_id in remembered[email_key]
    }
