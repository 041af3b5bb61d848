"""Topic choices as Resend told them, merged into the mirror."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from django.utils import timezone

from ..client.rows import SubscriptionRow
from ..models import Kind, OutboxEntry, Subscription, Topic, TopicSubscription
from .merge import merge_consent
from .states import policy

logger = logging.getLogger("django_resend.sync")


def apply_choices(told: Mapping[int, Sequence[SubscriptionRow]]) -> int:
    """Merge these contacts' (local key) topic choices; returns the number of rows written.

    A topic that a contact's list lacks says nothing. Call it inside a transaction; at most five
    statements, however many rows.
    """
    topics = dict(Topic.untracked.exclude(remote_id=None).values_list("remote_id", "pk"))
    found = {
        (row.contact_id, row.topic_id): row
        for row in TopicSubscription.untracked.select_for_update().filter(contact_id__in=told)
    }
    created: list[TopicSubscription] = []
    updated: list[TopicSubscription] = []
    to_push: dict[int, None] = {}
    for contact, rows in told.items():
        for row in rows:
            topic = topics.get(row.id)
            if topic is None or row.subscription not in Subscription.values:
                continue
            known = found.get((contact, topic))
            if known is None:
                choice = str(row.subscription)
                created.append(
                    TopicSubscription(
                        contact_id=contact, topic_id=topic, subscription=choice, base=choice
                    )
                )
                continue
            before = (known.subscription, known.base)
            _merge(known, str(row.subscription))
            if (known.subscription, known.base) != before:
                updated.append(known)
            if known.subscription != known.base:
                to_push[contact] = None
    TopicSubscription.untracked.bulk_create(created, ignore_conflicts=True)
    if updated:
        TopicSubscription.untracked.bulk_update(updated, ["subscription", "base", "changed_at"])
    OutboxEntry.objects.ensure(Kind.CONTACT, to_push)
    return len(created) + len(updated)


def _merge(known: TopicSubscription, remote: str) -> None:
    base = None if not known.base else known.base == Subscription.OPT_OUT
    local = known.subscription == Subscription.OPT_OUT
    opted_out, agreed, held = merge_consent(base, local, remote == Subscription.OPT_OUT, policy())
    if held:
        logger.warning(
            "Contact %s opted in to topic %s at Resend; held for a person.",
            known.contact_id,
            known.topic_id,
        )
    if opted_out != local:
        known.changed_at = timezone.now()
    known.subscription = _choice(opted_out)
    known.base = _choice(agreed)


def _choice(opted_out: bool) -> str:
    return Subscription.OPT_OUT if opted_out else Subscription.OPT_IN
