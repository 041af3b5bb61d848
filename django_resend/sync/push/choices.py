"""Push a contact's topic choices, and read them back: an unconfirmed opt-out is not done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from ...client import Client
from ...client.rows import SubscriptionRow
from ...models import Contact, Subscription, TopicSubscription
from ..calls import walk_patiently, within_limit
from ..choices import apply_choices
from . import consent
from .claims import Claim, NotYet

ROUTE = "/contacts/{contact}/topics"
NEVER = datetime.min.replace(tzinfo=UTC)
WRITES = 2
"""Resend has been seen to answer 200 and change nothing; so the write is tried twice."""


def all_choices(contact: Contact) -> list[TopicSubscription]:
    """The contact's choices for topics that exist at Resend."""
    rows = TopicSubscription.untracked.filter(contact=contact, topic__remote_id__isnull=False)
    return list(rows.select_related("topic"))


def push_choices(client: Client, claim: Claim, contact: Contact) -> None:
    """One PATCH for all changed choices and one read back. Raises ``NotYet`` if unconfirmed."""
    waiting = TopicSubscription.untracked.filter(contact=contact).exclude(subscription=F("base"))
    if not waiting.exists():
        return
    unproved = waiting.filter(base="").filter(
        Q(subscription=Subscription.OPT_IN) | Q(changed_at__lte=contact.pushed_at or NEVER)
    )
    if unproved.exists():
        # The person may have opted out at Resend, or the create carried the choice: ask first.
        read_back(client, claim, contact)
    for _write in range(WRITES):
        changed = [row for row in all_choices(contact) if row.subscription != row.base]
        if changed:
            remote_id = str(contact.remote_id)
            choices = {str(row.topic.remote_id): row.subscription for row in changed}
            within_limit(partial(client.contacts.set_topics, remote_id, choices))
            read_back(client, claim, contact)
        if not waiting.filter(topic__remote_id__isnull=False).exists():
            consent.use(contact, topics=True)
            break
    if waiting.filter(topic__remote_id=None).exists():
        raise NotYet("A topic of this contact isn't at Resend yet.")
    if waiting.exists():
        raise NotYet("Resend took the topic choices but doesn't show them yet.")


def confirm_created(contact: Contact, sent: Sequence[TopicSubscription]) -> None:
    """After a create that carried these choices: opt-ins are agreed, opt-outs are read back.

    Whoever was opted in meanwhile was made opted out: by the choice sent, or by default. Without
    that for a base, the opt-in would be taken for older than an opt-out that nobody made.
    """
    opted_in = [row.pk for row in sent if row.subscription == Subscription.OPT_IN]
    opted_out = [row.pk for row in sent if row.subscription == Subscription.OPT_OUT]
    chosen = TopicSubscription.untracked.filter(contact=contact)
    chosen.filter(pk__in=opted_in).update(base=Subscription.OPT_IN)
    by_default = Q(topic__default_subscription=Subscription.OPT_OUT, topic__remote_id__isnull=False)
    made_out = chosen.filter(Q(pk__in=opted_out) | by_default)
    made_out.filter(base="", subscription=Subscription.OPT_IN).update(base=Subscription.OPT_OUT)


def forget(contact: Contact) -> None:
    """What was agreed with another remote contact isn't agreed with this one."""
    TopicSubscription.untracked.filter(contact=contact).update(base="")


def read_back(client: Client, claim: Claim, contact: Contact) -> None:
    """Read the contact's choices at Resend and merge them: one call a page of topics."""
    remote_id = str(contact.remote_id)
    pages = walk_patiently(
        lambda cursor: client.contacts.topic_page(remote_id, cursor), None, ROUTE
    )
    rows: list[SubscriptionRow] = [row for page in pages for row in page.rows]
    with transaction.atomic():
        claim.renew()
        apply_choices({contact.pk: rows})
        Contact.untracked.filter(pk=contact.pk).update(pushed_at=timezone.now())
