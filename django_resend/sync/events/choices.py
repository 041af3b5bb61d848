"""contact.topics.updated: topic choices by address, merged like those of a deep pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from ...client import Client, errors
from ...client.rows import SubscriptionRow, Unreadable
from ...models import Contact, Kind, Subscription, Topic, TopicSubscription, email_key
from ..calls import patiently, walk_patiently
from ..choices import apply_choices
from ..matching import agreed_key
from ..pull.definitions import pages, store_definitions
from .claims import Claim, Stale, State, done, renew, retry
from .contacts import LEFT_TO_THE_SWEEP, mark_seen, store
from .sights import is_newer, reflected

TOPICS_ROUTE = "/contacts/{contact}/topics"
BEING_DELETED = "The contact is being deleted here."


@dataclass
class News:
    """What some events tell of one address: by Resend's id of the topic, its last choice and when.

    ``tied`` holds the topics of which two events of one moment tell different choices.
    """

    email: str
    claims: list[Claim] = field(default_factory=list)
    told: dict[str, tuple[SubscriptionRow, datetime | None]] = field(default_factory=dict)
    tied: set[str] = field(default_factory=set)

    def add(self, claim: Claim) -> None:
        self.claims.append(claim)
        for row in read(claim):
            before = self.told.get(row.id)
            self.tied.discard(row.id)
            if before and before[1] == claim.at and before[0].subscription != row.subscription:
                self.tied.add(row.id)
            self.told[row.id] = (row, claim.at)


def read(claim: Claim) -> list[SubscriptionRow]:
    """The choices that an event tells. Raises ``Unreadable``."""
    topics = claim.data.get("topics")
    if not isinstance(topics, list) or not all(isinstance(topic, dict) for topic in topics):
        raise Unreadable("an event without topics")
    rows = [SubscriptionRow.read(topic) for topic in topics]
    if any(row.subscription not in Subscription.values for row in rows):
        raise Unreadable("a topic without a choice")
    return rows


def fold(claims: Sequence[Claim]) -> dict[str, News]:
    """The claims by key of their address. Raises ``Unreadable``."""
    by_key: dict[str, News] = {}
    for claim in claims:
        email = claim.data.get("email")
        if not isinstance(email, str) or not email:
            raise Unreadable("an event without email")
        by_key.setdefault(email_key(email), News(email)).add(claim)
    return by_key


def apply(claims: Sequence[Claim]) -> list[Sequence[Claim]]:
    """Apply what needs no call; returns the others, by address."""
    looked_at = timezone.now()
    news = fold(claims)
    known = _Known(news)
    sure = {key: one for key, one in news.items() if known.is_sure(key, one)}
    told: dict[int, list[SubscriptionRow]] = {}
    told_at: dict[tuple[int, str], datetime | None] = {}
    for key, one in sure.items():
        pk = known.contacts[key].pk
        for row, at in known.changes(key, one):
            told.setdefault(pk, []).append(row)
            told_at[pk, row.id] = at
    settled = [claim for one in sure.values() for claim in one.claims]
    if not told:
        done(settled)
    else:
        with transaction.atomic():
            done(settled)
            locked = Contact.untracked.select_for_update().filter(pk__in=told)
            stale = {c.pk for c in locked if _changed_since(c, looked_at)}
            for key, one in sure.items():
                if known.contacts[key].pk in stale:
                    retry(one.claims, Stale())
            fresh = {pk: rows for pk, rows in told.items() if pk not in stale}
            apply_choices(fresh, told_at)
            mark_seen(fresh)
    return [one.claims for key, one in news.items() if key not in sure]


def ask(client: Client, claims: Sequence[Claim]) -> None:
    """Settle one address's events by the choices that Resend has now. Raises ``Stale``."""
    ((key, news),) = fold(claims).items()
    if Topic.untracked.filter(remote_id__in=news.told).count() < len(news.told):
        _pull_topics(client, claims)
    contact = _Known({key: news}).contacts.get(key)
    try:
        pk = contact.pk if contact is not None else _find(client, news)
        if pk is None:
            done(claims, State.IGNORED, BEING_DELETED)
            return
        remote_id = Contact.untracked.values_list("remote_id", flat=True).get(pk=pk)
        asked_at = timezone.now()
        rows = _choices(client, str(remote_id))
    except errors.NotFound as error:
        if not error.proves_absence:
            raise
        done(claims, State.IGNORED, LEFT_TO_THE_SWEEP)
        return
    with transaction.atomic():
        done(claims)
        locked = Contact.untracked.select_for_update().get(pk=pk)
        if _changed_since(locked, asked_at):
            raise Stale
        moment = reflected(asked_at)
        apply_choices({pk: rows}, {(pk, row.id): moment for row in rows})
        mark_seen([pk])


def _changed_since(contact: Contact, moment: datetime) -> bool:
    return any(at is not None and at >= moment for at in (contact.pushed_at, contact.seen_at))


def _find(client: Client, news: News) -> int | None:
    """Read a contact that isn't known by this address; returns its local key, if it has one."""
    asked_at = timezone.now()
    row = patiently(lambda: client.contacts.get(news.email))
    with transaction.atomic():
        renew(news.claims)
        return store(row, asked_at)


def _pull_topics(client: Client, claims: Sequence[Claim]) -> None:
    begun = timezone.now()
    for rows in pages(client, Kind.TOPIC):
        with transaction.atomic():
            renew(claims)
            store_definitions(Kind.TOPIC, rows, begun=begun)


def _choices(client: Client, remote_id: str) -> list[SubscriptionRow]:
    found = walk_patiently(
        lambda cursor: client.contacts.topic_page(remote_id, cursor), None, TOPICS_ROUTE
    )
    return [row for page in found for row in page.rows]


class _Known:
    """What is here of the addresses that some news are about. Three queries.

    ``contacts`` holds, by key of the address, those that have it at Resend too.
    """

    def __init__(self, news: dict[str, News]) -> None:
        found = Contact.untracked.filter(email_key__in=news, remote_id__isnull=False)
        self.contacts = {c.email_key: c for c in found if agreed_key(c) == c.email_key}
        ids = {id for one in news.values() for id in one.told}
        self._topics = set(
            Topic.untracked.filter(remote_id__in=ids).values_list("remote_id", flat=True)
        )
        choices = TopicSubscription.untracked.filter(
            contact__in=[contact.pk for contact in self.contacts.values()],
            topic__remote_id__in=ids,
        ).select_related("topic")
        self._choices: dict[tuple[int, Any], TopicSubscription] = {
            (choice.contact_id, choice.topic.remote_id): choice for choice in choices
        }

    def is_sure(self, key: str, news: News) -> bool:
        """Whether no call is needed: nothing is unknown, and nothing that differs is doubtful."""
        contact = self.contacts.get(key)
        if contact is None or news.told.keys() - self._topics:
            return False
        seen = (contact.pushed_at, contact.deep_checked_at)
        for row, at in self.changes(key, news):
            choice = self._choices.get((contact.pk, row.id))
            if choice is not None and choice.base == row.subscription:
                continue
            is_tied = row.id in news.tied or (choice is not None and choice.told_at == at)
            # An opt-in isn't believed without asking.
            is_opt_in = row.subscription == Subscription.OPT_IN
            if is_opt_in or is_tied or not is_newer(at, *seen):
                return False
        return True

    def changes(self, key: str, news: News) -> list[tuple[SubscriptionRow, datetime | None]]:
        """What isn't older than what is here, nor our own echo.

        A choice told again counts: what happened before it must not be taken for newer.
        """
        contact = self.contacts[key]
        found = []
        for row, at in news.told.values():
            choice = self._choices.get((contact.pk, row.id))
            if choice is not None:
                is_older = choice.told_at is not None and at is not None and at < choice.told_at
                is_same = choice.base == row.subscription
                is_echo = is_same and (at == choice.told_at or not is_newer(at, contact.pushed_at))
                if is_older or is_echo:
                    continue
            found.append((row, at))
        return found
