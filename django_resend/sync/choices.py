"""Topic choices as Resend told them, merged into the mirror."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from ..client.rows import SubscriptionRow
from ..models import Contact, Kind, OutboxEntry, Subscription, Topic, TopicSubscription
from ..models.batches import rewrite
from .decisions import record_conflicts, record_remote_opt_ins
from .merge import Conflict, consent_conflict, merge_consent
from .news import announce_choices
from .states import policy


def apply_choices(
    told: Mapping[int, Sequence[SubscriptionRow]],
    told_at: Mapping[tuple[int, str], datetime | None] | None = None,
) -> int:
    """Merge these contacts' (local key) topic choices; returns the number of rows written.

    A topic that a contact's list lacks says nothing. ``told_at`` is, by contact and Resend's id of
    the topic, when a webhook says that the choice was made. Call it inside a transaction; at most
    five statements, however many rows.
    """
    moments = told_at or {}
    topics = {topic.remote_id: topic for topic in Topic.untracked.exclude(remote_id=None)}
    choices = TopicSubscription.untracked.select_for_update().select_related("contact")
    found = {(row.contact_id, row.topic_id): row for row in choices.filter(contact_id__in=told)}
    created: list[TopicSubscription] = []
    updated: list[TopicSubscription] = []
    conflicts: list[tuple[Contact, Conflict]] = []
    news: list[tuple[int, Topic, str]] = []
    to_push: dict[int, None] = {}
    held: dict[int, None] = {}
    for contact, rows in told.items():
        for row in rows:
            topic = topics.get(row.id)
            if topic is None or row.subscription not in Subscription.values:
                continue
            known = found.get((contact, topic.pk))
            moment = moments.get((contact, row.id))
            if known is None:
                choice = str(row.subscription)
                new = TopicSubscription(
                    contact_id=contact, topic=topic, subscription=choice, base=choice
                )
                new.told_at = moment
                created.append(new)
                if choice != topic.default_subscription:
                    news.append((contact, topic, choice))
                continue
            was, was_told_at = known.subscription, known.told_at
            merged = _merge(known, topic, str(row.subscription), moment)
            known.told_at = moment or was_told_at
            if merged.changed or known.told_at != was_told_at:
                updated.append(known)
            if known.subscription != was:
                news.append((contact, topic, known.subscription))
            if known.subscription != known.base:
                to_push[contact] = None
            conflicts += [(known.contact, conflict) for conflict in merged.conflicts]
            if merged.opted_in:
                record_remote_opt_ins([known.contact], topic)
            if merged.held:
                held[contact] = None
    TopicSubscription.untracked.bulk_create(created, ignore_conflicts=True)
    fields = ["subscription", "base", "changed_at", *(["told_at"] if moments else [])]
    rewrite(updated, fields)
    if held:
        Contact.untracked.filter(pk__in=held).update(attention=Contact.Attention.HELD)
    OutboxEntry.objects.ensure(Kind.CONTACT, to_push)
    record_conflicts(conflicts)
    announce_choices(news)
    return len(created) + len(updated)


class _Merged(NamedTuple):
    changed: bool
    opted_in: bool
    held: bool
    conflicts: list[Conflict]


def _merge(known: TopicSubscription, topic: Topic, told: str, moment: datetime | None) -> _Merged:
    base = None if not known.base else known.base == Subscription.OPT_OUT
    if moment is not None and moment > known.changed_at and told == Subscription.OPT_OUT:
        # Chosen after what waits here, so no older agreement explains it.
        base = None
    local = known.subscription == Subscription.OPT_OUT
    remote = told == Subscription.OPT_OUT
    opted_out, agreed, held = merge_consent(base, local, remote, policy())
    before = (known.subscription, known.base)
    known.subscription, known.base = _choice(opted_out), _choice(agreed)
    if opted_out != local:
        known.changed_at = timezone.now()
    return _Merged(
        changed=before != (known.subscription, known.base),
        opted_in=local and not opted_out,
        held=held,
        conflicts=consent_conflict(f"topics.{topic.name}", base, local, remote),
    )


def _choice(opted_out: bool) -> str:
    return Subscription.OPT_OUT if opted_out else Subscription.OPT_IN
