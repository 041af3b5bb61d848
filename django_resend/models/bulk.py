"""Segments and topics for many contacts at once, a constant number of queries a batch.

Every function streams the contacts by primary key, so that neither their number nor a filter that
the change itself affects matters, and writes each batch with its outbox entries in one transaction.
Only the pairs that really change reach the outbox. The queryset of contacts must not be sliced.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .batches import BATCH_ROWS
from .contacts import Contact
from .definitions import Segment, Subscription, Topic
from .links import Pair, SegmentMembership, TopicSubscription
from .outbox import Kind
from .tombstones import Tombstone


class Told(NamedTuple):
    """What became of one contact and one segment or topic (``other``, its local key, if any).

    ``outcome`` is ``"changed"`` or one of ``LeftOut``.
    """

    contact: int
    email: str
    other: int | None
    outcome: str


Tell = Callable[[Told], None]
"""Is called for each pair that was changed or left out, inside the batch's transaction."""

CHANGED = "changed"


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


def add_to_segments(
    contacts: models.QuerySet[Contact], segments: Iterable[Segment], *, tell: Tell | None = None
) -> BulkResult:
    """Put each contact into each segment."""
    segment_pks = [segment.pk for segment in segments]

    def work(batch: _Batch) -> BulkResult:
        there = set(batch.memberships(segment_pks).values_list("contact_id", "segment_id"))
        missing = [pair for pair in batch.pairs(segment_pks) if pair not in there]
        SegmentMembership.objects.using(batch.using).bulk_create(
            SegmentMembership(contact_id=contact, segment_id=segment)
            for contact, segment in missing
        )
        batch.tell(missing, CHANGED)
        return BulkResult(
            changed=len(missing), unchanged=len(there), unsubscribed=batch.unsubscribed_in(missing)
        )

    return _for_each_batch(contacts, work, tell)


def remove_from_segments(
    contacts: models.QuerySet[Contact], segments: Iterable[Segment], *, tell: Tell | None = None
) -> BulkResult:
    """Take each contact out of each segment."""
    segment_pks = [segment.pk for segment in segments]

    def work(batch: _Batch) -> BulkResult:
        members = batch.memberships(segment_pks)
        batch.tell(list(members.values_list("contact_id", "segment_id")), CHANGED)
        removed, _by_model = members.delete()
        absent = len(batch.emails) * len(segment_pks) - removed
        return BulkResult(changed=removed, unchanged=absent)

    return _for_each_batch(contacts, work, tell)


def subscribe_to_topics(
    contacts: models.QuerySet[Contact], topics: Iterable[Topic], *, tell: Tell | None = None
) -> BulkResult:
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
        opted_out = [pair for pair, choice in choices.items() if choice == Subscription.OPT_OUT]
        left_out = {
            LeftOut.OPTED_OUT: len(opted_out),
            LeftOut.REMEMBERED: len(undecided) - len(missing),
        }
        batch.tell(missing, CHANGED)
        batch.tell(opted_out, LeftOut.OPTED_OUT)
        batch.tell([pair for pair in undecided if pair in remembered], LeftOut.REMEMBERED)
        return BulkResult(
            changed=len(missing),
            unchanged=len(choices) - len(opted_out),
            left_out=Counter(left_out),
            unsubscribed=batch.unsubscribed_in(missing),
        )

    return _for_each_batch(contacts, work, tell)


def unsubscribe_from_topics(
    contacts: models.QuerySet[Contact], topics: Iterable[Topic], *, tell: Tell | None = None
) -> BulkResult:
    """Opt each contact out of each topic, also where no choice was made before."""
    topic_pks = [topic.pk for topic in topics]

    def work(batch: _Batch) -> BulkResult:
        rows = batch.subscriptions(topic_pks)
        there = set(rows.values_list("contact_id", "topic_id"))
        missing = [pair for pair in batch.pairs(topic_pks) if pair not in there]
        _choose(batch, missing, Subscription.OPT_OUT)
        # After the insert, so that an opt-in made in the meantime is met too.
        opted_in = rows.exclude(subscription=Subscription.OPT_OUT)
        batch.tell([*missing, *opted_in.values_list("contact_id", "topic_id")], CHANGED)
        opted_out = opted_in.update(subscription=Subscription.OPT_OUT, changed_at=timezone.now())
        return BulkResult(changed=len(missing) + opted_out, unchanged=len(there) - opted_out)

    return _for_each_batch(contacts, work, tell)


def unsubscribe(contacts: models.QuerySet[Contact], *, tell: Tell | None = None) -> BulkResult:
    """Unsubscribe each contact from all broadcasts."""

    def work(batch: _Batch) -> BulkResult:
        subscribed = [pk for pk in batch.emails if pk not in batch.unsubscribed]
        rows = Contact.objects.using(batch.using).filter(pk__in=subscribed)
        changed = rows.update(unsubscribed=True) if subscribed else 0
        batch.tell([(pk, None) for pk in subscribed], CHANGED)
        return BulkResult(changed=changed, unchanged=len(batch.emails) - changed)

    return _for_each_batch(contacts, work, tell)


def set_property(
    contacts: models.QuerySet[Contact],
    key: str,
    value: str | int | float | None,
    *,
    tell: Tell | None = None,
) -> BulkResult:
    """Give each contact this value for a custom property; ``None`` takes theirs away."""

    def work(batch: _Batch) -> BulkResult:
        rows = Contact.objects.using(batch.using).filter(pk__in=batch.emails)
        changed = []
        for contact in rows.select_for_update().only("email", "properties"):
            held = contact.properties
            if held.get(key) == value and (key in held) == (value is not None):
                continue
            others = {name: other for name, other in held.items() if name != key}
            contact.properties = others if value is None else {**held, key: value}
            changed.append(contact)
        Contact.objects.using(batch.using).bulk_update(changed, ["properties"])
        batch.tell([(contact.pk, None) for contact in changed], CHANGED)
        return BulkResult(changed=len(changed), unchanged=len(batch.emails) - len(changed))

    return _for_each_batch(contacts, work, tell)


def delete_contacts(contacts: models.QuerySet[Contact], *, tell: Tell | None = None) -> BulkResult:
    """Delete the contacts here and at Resend. Their opt-outs are remembered."""

    def work(batch: _Batch) -> BulkResult:
        rows = Contact.objects.using(batch.using).filter(pk__in=batch.emails)
        batch.tell([(pk, None) for pk in batch.emails], CHANGED)
        _total, by_model = rows.delete()
        return BulkResult(changed=by_model.get(Contact._meta.label, 0))

    return _for_each_batch(contacts, work, tell)


@dataclass(frozen=True)
class _Batch:
    """The contacts of one transaction, by primary key."""

    using: str
    emails: dict[int, str]
    email_keys: dict[int, str]
    unsubscribed: frozenset[int]
    listener: Tell | None = None

    def tell(self, pairs: Iterable[tuple[int, int | None]], outcome: str) -> None:
        if self.listener is not None:
            for contact, other in pairs:
                self.listener(Told(contact, self.emails[contact], other, outcome))

    def pairs(self, others: Iterable[int]) -> Iterator[Pair]:
        return ((pk, other) for other in others for pk in self.emails)

    def memberships(self, segments: Collection[int]) -> models.QuerySet[SegmentMembership]:
        rows: models.QuerySet[SegmentMembership] = SegmentMembership.objects.using(self.using)
        return rows.filter(contact_id__in=self.emails, segment_id__in=segments)

    def subscriptions(self, topics: Collection[int]) -> models.QuerySet[TopicSubscription]:
        rows: models.QuerySet[TopicSubscription] = TopicSubscription.objects.using(self.using)
        return rows.filter(contact_id__in=self.emails, topic_id__in=topics)

    def unsubscribed_in(self, pairs: Iterable[Pair]) -> int:
        return sum(contact in self.unsubscribed for contact, _ in pairs)


def _for_each_batch(
    contacts: models.QuerySet[Contact],
    work: Callable[[_Batch], BulkResult],
    tell: Tell | None = None,
) -> BulkResult:
    using = router.db_for_write(Contact)
    rows = contacts.using(using).order_by("pk").distinct()
    fields = rows.values_list("pk", "email", "email_key", "unsubscribed")
    result = BulkResult()
    after: int | None = None
    while True:
        with transaction.atomic(using=using):
            page = list((fields if after is None else fields.filter(pk__gt=after))[:BATCH_ROWS])
            if page:
                after = page[-1][0]
                batch = _Batch(
                    using,
                    {pk: email for pk, email, _, _ in page},
                    {pk: email_key for pk, _, email_key, _ in page},
                    frozenset(pk for pk, _, _, unsubscribed in page if unsubscribed),
                    tell,
                )
                result.add(work(batch))
        if len(page) < BATCH_ROWS:
            return result


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
