"""Consent in a push: opt-outs stand, unless the explicit call recorded an opt-in."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from ...models import ConsentRecord, Contact, Subscription, Topic, TopicSubscription
from ..memory import Memory


def keep_opt_outs(contact: Contact) -> None:
    """Restore each agreed opt-out that was undone here without the explicit call for it."""
    agreed = bool((contact.base or {}).get("unsubscribed"))
    if agreed and not contact.unsubscribed and not _unused(contact).filter(topic_id=None).exists():
        contact.unsubscribed = True
        Contact.untracked.filter(pk=contact.pk).update(unsubscribed=True)
    undone = TopicSubscription.untracked.filter(contact=contact, base=Subscription.OPT_OUT).exclude(
        subscription=Subscription.OPT_OUT
    )
    allowed = _unused(contact).filter(topic_id__isnull=False).values_list("topic_id", flat=True)
    undone.exclude(topic_id__in=list(allowed)).update(subscription=Subscription.OPT_OUT)


def recall_opt_outs(contact: Contact) -> None:
    """Opt a contact out again of what its address had opted out of. Call it in a transaction."""
    memory = Memory([], [contact.email_key])
    topics = Topic.untracked.filter(remote_id__in=memory.topics(contact.email_key))
    recalled = [topic for topic in topics if _choice(contact, topic) in (None, Subscription.OPT_IN)]
    unsubscribes = memory.unsubscribed(contact.email_key) and not contact.unsubscribed
    if not recalled and not unsubscribes:
        return
    contact.unsubscribed |= unsubscribes
    contact.attention = Contact.Attention.RECALLED
    Contact.untracked.filter(pk=contact.pk).update(
        unsubscribed=contact.unsubscribed, attention=contact.attention
    )
    for topic in recalled:
        TopicSubscription.store_choice(contact, topic, Subscription.OPT_OUT)


def _choice(contact: Contact, topic: Topic) -> str | None:
    rows = TopicSubscription.untracked.filter(contact=contact, topic=topic)
    return rows.values_list("subscription", flat=True).first()


def use(contact: Contact, *, topics: bool) -> None:
    """The recorded opt-ins reached Resend; they permit no further one."""
    _unused(contact).filter(topic_id__isnull=not topics).update(used_at=timezone.now())


def use_all(contact: Contact) -> None:
    _unused(contact).update(used_at=timezone.now())


def _unused(contact: Contact) -> QuerySet[ConsentRecord]:
    return ConsentRecord.objects.filter(contact_id=contact.pk, used_at=None)
