"""Consent in a push: opt-outs stand, unless the explicit call recorded an opt-in."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from ...models import ConsentRecord, Contact, Subscription, Tombstone, Topic, TopicSubscription


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
    remembered = Tombstone.objects.filter(email_key=contact.email_key).exclude(
        unsubscribed=False, topic_opt_outs=[]
    )
    for tombstone in remembered.exclude(object_id=contact.pk):
        if tombstone.unsubscribed and not contact.unsubscribed:
            contact.unsubscribed = True
            Contact.untracked.filter(pk=contact.pk).update(unsubscribed=True)
        for topic in Topic.untracked.filter(remote_id__in=tombstone.topic_opt_outs):
            TopicSubscription.untracked.update_or_create(
                contact=contact,
                topic=topic,
                defaults={"subscription": Subscription.OPT_OUT, "changed_at": timezone.now()},
            )


def use(contact: Contact, *, topics: bool) -> None:
    """The recorded opt-ins reached Resend; they permit no further one."""
    _unused(contact).filter(topic_id__isnull=not topics).update(used_at=timezone.now())


def use_all(contact: Contact) -> None:
    _unused(contact).update(used_at=timezone.now())


def _unused(contact: Contact) -> QuerySet[ConsentRecord]:
    return ConsentRecord.objects.filter(contact_id=contact.pk, used_at=None)
