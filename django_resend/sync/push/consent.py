"""Consent in a push: opt-outs stand, unless the explicit call recorded an opt-in."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from ...models import ConsentRecord, Contact, Subscription, Topic, TopicSubscription
from ..memory import Memory


def load(pk: int) -> Contact:
    """The contact to be pushed, with the newest opt-in that this push can carry.

    Whoever opts in after this look needs the record for the next push. Raises
    ``Contact.DoesNotExist``.
    """
    unused = ConsentRecord.objects.filter(contact_id=OuterRef("pk"), used_at=None)
    newest = Subquery(unused.order_by("-pk").values("pk")[:1])
    contact: Contact = Contact.untracked.annotate(newest_opt_in=newest).get(pk=pk)
    return contact


def keep_opt_outs(contact: Contact) -> None:
    """Restore each agreed opt-out that was undone here without the explicit call for it."""
    agreed = bool((contact.base or {}).get("unsubscribed"))
    if agreed and not contact.unsubscribed and not _unused(contact).filter(topic_id=None).exists():
        contact.unsubscribed = True
        Contact.untracked.filter(pk=contact.pk).update(unsubscribed=True)
    undone = TopicSubscription.untracked.filter(contact=contact, base=Subscription.OPT_OUT).exclude(
        subscription=Subscription.OPT_OUT
    )
    if not undone.exists():
        # A look is cheaper than an update of no row, which waits for SQLite's one writer.
        return
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
    contact.attention = Contact.Attention.RECALLED
    changed: dict[str, object] = {"attention": contact.attention}
    if unsubscribes:
        # Never as it was loaded: an opt-out may have been saved since.
        changed["unsubscribed"] = contact.unsubscribed = True
    Contact.untracked.filter(pk=contact.pk).update(**changed)
    for topic in recalled:
        TopicSubscription.store_choice(contact, topic, Subscription.OPT_OUT)


def _choice(contact: Contact, topic: Topic) -> str | None:
    rows = TopicSubscription.untracked.filter(contact=contact, topic=topic)
    return rows.values_list("subscription", flat=True).first()


def use(contact: Contact, *, topics: bool) -> None:
    """The opt-ins that ``load`` met reached Resend; they permit no further one."""
    carried = _carried(contact)
    if carried is not None:
        carried.filter(topic_id__isnull=not topics).update(used_at=timezone.now())


def use_all(contact: Contact) -> None:
    carried = _carried(contact)
    if carried is not None:
        carried.update(used_at=timezone.now())


def _carried(contact: Contact) -> QuerySet[ConsentRecord] | None:
    newest = contact.__dict__["newest_opt_in"]
    return None if newest is None else _unused(contact).filter(pk__lte=newest)


def _unused(contact: Contact) -> QuerySet[ConsentRecord]:
    return ConsentRecord.objects.filter(contact_id=contact.pk, used_at=None)
