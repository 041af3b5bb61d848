"""Compare by single reads: properties, topic choices, and whole contacts of a sample."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from django.db.models import Max, Min

from ...client import Client, errors
from ...models import Contact, Kind, Subscription, Topic, TopicSubscription
from ..calls import patiently, walk_patiently
from ..progress import Progress
from ..states import local_contact, remote_contact
from .differences import Cause, Difference, differing, only_local, pending_cause


def compare_singly(
    client: Client, progress: Progress, *, sample: int | None = None
) -> Iterator[Difference]:
    """Read contacts one by one: properties and topics of all, or everything of a sample."""
    contacts = Contact.objects.with_outbox().exclude(remote_id=None)
    if sample is not None:
        contacts = contacts.filter(pk__in=sample_keys(sample))
    progress.stage("contacts one by one", contacts.count())
    topics = {topic.remote_id: topic for topic in Topic.untracked.exclude(remote_id=None)}
    for contact in contacts.order_by("pk").iterator(200):
        yield from _compare_one(client, contact, topics, everything=sample is not None)
        progress.advance(1)


def sample_keys(size: int) -> list[int]:
    """Keys of about ``size`` linked contacts, spread evenly over the table.

    It reads by key and never sorts the table.
    """
    linked = Contact.untracked.exclude(remote_id=None)
    ends = linked.aggregate(low=Min("pk"), high=Max("pk"))
    if ends["low"] is None or size < 1:
        return []
    step = max((ends["high"] - ends["low"] + 1) / size, 1)
    keys: dict[int, None] = {}
    for number in range(size):
        at_least = ends["low"] + int(number * step)
        key = linked.filter(pk__gte=at_least).order_by("pk").values_list("pk", flat=True).first()
        if key is not None:
            keys[key] = None
    return list(keys)


def _compare_one(
    client: Client, contact: Contact, topics: dict[str | None, Topic], *, everything: bool
) -> Iterator[Difference]:
    remote_id = str(contact.remote_id)
    try:
        row = patiently(partial(client.contacts.get, remote_id))
    except errors.NotFound:
        yield only_local(Kind.CONTACT, contact)
        return
    state = remote_contact(row)
    if not everything:
        state = {name: value for name, value in state.items() if name == "properties"}
    yield from differing(Kind.CONTACT, contact, remote_id, local_contact(contact), state)
    if topics:
        yield from _compare_choices(client, contact, topics)
    if everything:
        yield from _compare_segments(client, contact)


def _compare_choices(
    client: Client, contact: Contact, topics: dict[str | None, Topic]
) -> Iterator[Difference]:
    remote_id = str(contact.remote_id)
    fetch = partial(client.contacts.topic_page, remote_id)
    here = {row.topic_id: row for row in TopicSubscription.untracked.filter(contact=contact)}
    for page in walk_patiently(fetch, None, "/contacts/{contact}/topics"):
        for row in page.rows:
            topic = topics.get(row.id)
            if topic is None or row.subscription not in Subscription.values:
                continue
            choice = here.get(topic.pk)
            ours = choice.subscription if choice else topic.default_subscription
            if ours == row.subscription:
                continue
            changed_here = choice is not None and choice.subscription != choice.base
            cause = (pending_cause(contact) or Cause.LOCAL) if changed_here else Cause.REMOTE
            yield Difference(
                "topic choice",
                f"{contact} for {topic}",
                contact.pk,
                remote_id,
                topic.name,
                ours,
                row.subscription,
                cause,
            )


def _compare_segments(client: Client, contact: Contact) -> Iterator[Difference]:
    remote_id = str(contact.remote_id)
    fetch = partial(client.contacts.segment_page, remote_id)
    pages = walk_patiently(fetch, None, "/contacts/{contact}/segments")
    theirs = {row.id for page in pages for row in page.rows}
    ours = {
        str(id)
        for id in contact.segments.exclude(remote_id=None).values_list("remote_id", flat=True)
    }
    cause = pending_cause(contact) or Cause.REMOTE
    for segment in sorted(theirs ^ ours):
        here, there = (None, "member") if segment in theirs else ("member", None)
        yield Difference(
            "membership", f"{contact} in {segment}", contact.pk, remote_id, "", here, there, cause
        )
