"""Pull properties, segments and topics: short lists, each walked whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from ...client import Client, Page, errors
from ...client.rows import PropertyRow, SegmentRow, TopicRow
from ...models import (
    ContactProperty,
    Kind,
    OutboxEntry,
    Segment,
    Tombstone,
    Topic,
    exact_key,
)
from ..apply import CLOCK_SKEW
from ..calls import walk_patiently
from ..decisions import record_conflicts
from ..locks import insistently
from ..merge import Conflict, Merge, merge_values
from ..states import policy, remote_property, remote_segment, remote_topic
from .absence import delete_absent_definitions
from .context import Pull

STAGE = "definitions"

ADOPTION_WINDOW = timedelta(minutes=10)
"""How long before our own record of sending it Resend may have dated an object we created."""

Definition = Segment | Topic | ContactProperty
DefinitionRow = SegmentRow | TopicRow | PropertyRow


@dataclass(frozen=True)
class Source:
    """Where the definitions of one kind are read, and how a row is matched and understood."""

    model: type[Segment] | type[Topic] | type[ContactProperty]
    route: str
    page: Callable[[Client, str | None], Page[Any]]
    get: Callable[[Client, str], object]
    state: Callable[[Any], dict[str, Any]]
    fields: tuple[str, ...]


SOURCES: Mapping[Kind, Source] = {
    Kind.PROPERTY: Source(
        ContactProperty,
        "/contact-properties",
        lambda client, after: client.properties.page(after),
        lambda client, id: client.properties.get(id),
        remote_property,
        ("key", "key_exact", "type", "fallback_value"),
    ),
    Kind.SEGMENT: Source(
        Segment,
        "/segments",
        lambda client, after: client.segments.page(after),
        lambda client, id: client.segments.get(id),
        remote_segment,
        ("name",),
    ),
    Kind.TOPIC: Source(
        Topic,
        "/topics",
        lambda client, after: client.topics.page(after),
        lambda client, id: client.topics.get(id),
        remote_topic,
        ("name", "description", "default_subscription", "visibility"),
    ),
}


def pull_definitions(pull: Pull) -> None:
    """Pull all definitions; what the lists lack is kept for ``settle_definitions``."""
    pull.take_cursor()
    for kind, source in SOURCES.items():
        pull.progress.stage(str(source.model._meta.verbose_name_plural), None)
        seen: set[str] = set()
        begun = timezone.now()
        try:
            for rows in pages(pull.client, kind):
                pull.run.counts.update(insistently(partial(_store, pull, kind, rows, begun)))
                seen.update(row.id for row in rows)
                pull.progress.advance(len(rows))
        except (errors.BrokenWalk, errors.Refused) as error:
            pull.stop(f"The list {source.route} can't be walked to its end: {error}")
            continue
        known = source.model.untracked.filter(
            remote_id__isnull=False, created_at__lt=pull.run.started_at
        )
        pull.absent[kind] = [
            (pk, str(id)) for pk, id in known.values_list("pk", "remote_id") if id not in seen
        ]


def _store(
    pull: Pull, kind: Kind, rows: Sequence[DefinitionRow], begun: datetime
) -> dict[str, int]:
    pull.checkpoint(STAGE)
    return store_definitions(kind, rows, begun=begun)


def settle_definitions(pull: Pull) -> None:
    """Delete the definitions that the lists lacked, now that the contacts' sweep is through.

    Where that was stopped, the key may be another team's, and nothing is deleted.
    """
    pull.take_cursor()
    if pull.stopped:
        return
    for kind, absent in pull.absent.items():
        source = SOURCES[Kind(kind)]
        known = source.model.untracked.filter(remote_id__isnull=False).count()
        if absent:
            get = partial(source.get, pull.client)
            delete_absent_definitions(pull, source.model, get, absent, known)


def pages(client: Client, kind: Kind) -> Iterator[list[DefinitionRow]]:
    """The rows of each page of one kind's list."""
    source = SOURCES[kind]
    for page in walk_patiently(lambda after: source.page(client, after), None, source.route):
        yield page.rows


def store_definitions(
    kind: Kind, rows: Sequence[DefinitionRow], *, begun: datetime
) -> dict[str, int]:
    """Merge one page of definitions into the mirror. Call it inside a transaction.

    ``begun`` is when the walk was: a definition deleted since then isn't brought back.
    """
    source = SOURCES[kind]
    model = source.model
    ids = [row.id for row in rows]
    by_id = {
        item.remote_id: item
        for item in model.untracked.select_for_update().filter(remote_id__in=ids)
    }
    unlinked = list(model.untracked.select_for_update().filter(remote_id__isnull=True))
    leaving = set(
        Tombstone.objects.filter(kind=kind, remote_id__in=ids)
        .exclude(settled_at__lt=begun - CLOCK_SKEW)
        .values_list("remote_id", flat=True)
    )
    created: list[Any] = []
    updated: list[Any] = []
    to_push: list[int] = []
    conflicts: list[tuple[Any, Conflict]] = []
    for row in {row.id: row for row in rows}.values():
        if row.id in leaving:
            continue
        item = by_id.get(row.id) or _adopt(kind, unlinked, row)
        state = source.state(row)
        is_new = item is None
        if item is None:
            item = model()
            merged = Merge(state, state)
        else:
            merged = merge_values(item.base, _local(item, state), state, policy())
        before = _snapshot(item, source)
        _take(item, row, merged)
        if is_new:
            created.append(item)
            continue
        if _snapshot(item, source) != before:
            updated.append(item)
        conflicts += [(item, conflict) for conflict in merged.conflicts]
        if any(merged.local[name] != merged.base.get(name) for name in merged.local):
            to_push.append(item.pk)
    _write(model, created, updated, source)
    OutboxEntry.objects.ensure(kind, to_push)
    record_conflicts(conflicts)
    return {f"{kind}_created": len(created), f"{kind}_updated": len(updated)}


def _adopt(kind: Kind, unlinked: list[Any], row: DefinitionRow) -> Any:
    """The local definition that this remote one is: by key, or as our own creation come back.

    Segments and topics may share a name, so only one whose creation was under way is taken.
    """
    for item in unlinked:
        if kind == Kind.PROPERTY:
            fits = isinstance(row, PropertyRow) and item.key == row.key
        else:
            fits = not isinstance(row, PropertyRow) and _is_our_own(item, row)
        if fits:
            unlinked.remove(item)
            return item
    return None


def _is_our_own(item: Any, row: SegmentRow | TopicRow) -> bool:
    if not item.in_flight or item.in_flight.get("name") != row.name:
        return False
    if row.created_at is None:
        return True
    sent_at = datetime.fromisoformat(item.in_flight["sent_at"])
    return bool(row.created_at >= sent_at - ADOPTION_WINDOW)


def _local(item: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: getattr(item, name) for name in state}


def _take(item: Any, row: DefinitionRow, merged: Merge) -> None:
    for name, value in merged.local.items():
        setattr(item, name, value)
    if isinstance(item, ContactProperty):
        item.key_exact = exact_key(item.key)
    item.base = merged.base
    item.in_flight = None
    item.remote_id = row.id
    item.remote_created_at = row.created_at or item.remote_created_at
    item.raw = {**item.raw, **row.raw}


def _snapshot(item: Any, source: Source) -> tuple[object, ...]:
    names = (*source.fields, "remote_id", "remote_created_at", "base", "in_flight", "raw")
    return tuple(getattr(item, name) for name in names)


def _write(model: Any, created: list[Any], updated: list[Any], source: Source) -> None:
    now = timezone.now()
    for item in (*created, *updated):
        item.updated_at = now
    if created:
        model.untracked.bulk_create(created)
    if updated:
        links = ("remote_id", "remote_created_at", "base", "in_flight", "raw", "updated_at")
        model.untracked.bulk_update(updated, [*source.fields, *links])
