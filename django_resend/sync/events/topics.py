"""topic.created, topic.updated and topic.deleted, merged like the rows of a pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from ...client import Client, errors
from ...client.rows import TopicRow, moment
from ...models import Kind, Tombstone, Topic
from ..calls import patiently
from ..pull.absence import bury_definitions
from ..pull.definitions import store_definitions
from ..states import remote_topic
from .claims import Claim, done
from .sights import is_newer, last_list_read, reflected


def apply(claims: Sequence[Claim]) -> list[Sequence[Claim]]:
    """Apply what needs no call; returns the others, by topic."""
    by_id: dict[str, list[Claim]] = {}
    for claim in claims:
        by_id.setdefault(TopicRow.read(claim.data).id, []).append(claim)
    topics = {topic.remote_id: topic for topic in Topic.untracked.filter(remote_id__in=by_id)}
    graves = Tombstone.objects.filter(kind=Kind.TOPIC, remote_id__in=by_id)
    buried = set(graves.values_list("remote_id", flat=True))
    list_read = last_list_read()
    doubtful: list[Sequence[Claim]] = []
    for id, group in by_id.items():
        topic = topics.get(id)
        is_gone = topic is None and id in buried and _is_deletion(group)
        if is_gone or (topic is not None and _tells_nothing(topic, group)):
            done(group)
        elif topic is not None and _is_sure(topic, group, list_read):
            begun = timezone.now()
            with transaction.atomic():
                done(group)
                store_definitions(Kind.TOPIC, [_row(group)], begun=begun)
        else:
            doubtful.append(group)
    return doubtful


def ask(client: Client, claims: Sequence[Claim]) -> None:
    """Settle one topic's events by what Resend has of it now."""
    id = TopicRow.read(claims[-1].data).id
    asked_at = timezone.now()
    try:
        row = patiently(lambda: client.topics.get(id))
    except errors.NotFound as error:
        if not error.proves_absence:
            raise
        with transaction.atomic():
            done(claims)
            names = dict(Topic.untracked.filter(remote_id=id).values_list("pk", "name"))
            bury_definitions(Topic, [(pk, id) for pk in names], names)
        return
    stamp = {"updated_at": reflected(asked_at).isoformat()}
    with transaction.atomic():
        done(claims)
        raw = {**row.raw, **stamp}
        store_definitions(Kind.TOPIC, [replace(row, raw=raw)], begun=asked_at)


def _row(claims: Sequence[Claim]) -> TopicRow:
    """All that they tell, the newest word of each key."""
    told = {name: value for claim in claims for name, value in claim.data.items()}
    at = claims[-1].at
    stamp = {} if at is None else {"updated_at": at.isoformat()}
    return TopicRow.read({**told, **stamp})


def _is_deletion(claims: Sequence[Claim]) -> bool:
    return any(claim.event.type == "topic.deleted" for claim in claims)


def _tells_nothing(topic: Topic, claims: Sequence[Claim]) -> bool:
    """Whether it is our own echo, or older than what is here."""
    if _is_deletion(claims):
        return False
    told, base = remote_topic(_row(claims)), topic.base or {}
    newest, at = moment(topic.raw.get("updated_at")), claims[-1].at
    is_older = newest is not None and at is not None and at < newest
    return is_older or all(name in base and base[name] == told[name] for name in told)


def _is_sure(topic: Topic, claims: Sequence[Claim], list_read: datetime | None) -> bool:
    newest, at = moment(topic.raw.get("updated_at")), claims[-1].at
    contradicts = any(claim.at == at and claim.data != claims[-1].data for claim in claims[:-1])
    if _is_deletion(claims) or contradicts or at == newest:
        return False
    return is_newer(at, topic.pushed_at, list_read)
