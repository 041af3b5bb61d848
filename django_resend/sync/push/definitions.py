"""Push a property, segment or topic: create it once, change what may be changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from ...client import Client, errors
from ...models import ContactProperty, Kind, Segment, Topic
from ...models.burial import bury_definitions
from ..calls import within_limit
from ..merge import changes
from ..pull.definitions import SOURCES, pages, store_definitions
from .claims import Claim


def push_definition(client: Client, claim: Claim) -> None:
    """Create or change one definition. Raises the client's errors."""
    kind = Kind(claim.entry.kind)
    model = SOURCES[kind].model
    item = model.untracked.filter(pk=claim.object_id).first()
    if item is None:
        return
    if item.remote_id is None and _may_exist(item):
        _look_for_it(client, claim, kind)
        item.refresh_from_db()
    if item.remote_id is None:
        _create(client, claim, item)
    else:
        _change(client, claim, item)


def _may_exist(item: Any) -> bool:
    """Keys of properties are unique at Resend; the others exist if an answer was lost."""
    return isinstance(item, ContactProperty) or bool(item.in_flight)


def _look_for_it(client: Client, claim: Claim, kind: Kind) -> None:
    begun = timezone.now()
    for rows in pages(client, kind):
        with transaction.atomic():
            claim.renew()
            store_definitions(kind, rows, begun=begun)


def _create(client: Client, claim: Claim, item: Any) -> None:
    state = _state(item)
    now = timezone.now()
    type(item).untracked.filter(pk=item.pk).update(in_flight={**state, "sent_at": now.isoformat()})
    try:
        remote_id = within_limit(lambda: CREATE[item.kind](client, item))
    except errors.ResendError as error:
        if not error.ambiguous:
            type(item).untracked.filter(pk=item.pk).update(in_flight=None)
        raise
    with transaction.atomic():
        claim.renew()
        linked = (
            type(item)
            .untracked.filter(pk=item.pk)
            .update(remote_id=remote_id, base=state, in_flight=None, pushed_at=timezone.now())
        )
        if not linked:
            # Deleted here while it was created there.
            rows = [(item.pk, remote_id, getattr(item, item.name_field))]
            bury_definitions(item.kind, rows, using=type(item).untracked.db)


def _change(client: Client, claim: Claim, item: Any) -> None:
    changed = {
        name: value
        for name, value in changes(item.base, _state(item)).items()
        if name in item.watched - item.fixed
    }
    if not changed:
        return
    within_limit(lambda: UPDATE[item.kind](client, item, changed))
    with transaction.atomic():
        claim.renew()
        stored = type(item).untracked.select_for_update().get(pk=item.pk)
        type(item).untracked.filter(pk=item.pk).update(
            base={**(stored.base or {}), **changed}, pushed_at=timezone.now()
        )


def _state(item: Any) -> dict[str, Any]:
    names = [name for name in SOURCES[item.kind].fields if name != "key_exact"]
    return {name: getattr(item, name) for name in names}


def _create_segment(client: Client, item: Segment) -> str:
    return client.segments.create(item.name)


def _create_topic(client: Client, item: Topic) -> str:
    return client.topics.create(
        name=item.name,
        default_subscription=item.default_subscription,
        description=item.description or None,
        visibility=item.visibility,
    )


def _create_property(client: Client, item: ContactProperty) -> str:
    return client.properties.create(
        key=item.key, type=item.type, fallback_value=item.fallback_value
    )


def _update_segment(client: Client, item: Segment, changed: Mapping[str, Any]) -> None:
    try:
        client.segments.rename(str(item.remote_id), changed["name"])
    except (errors.NotFound, errors.MethodNotAllowed) as error:
        raise errors.Refused(
            "Resend offers no renaming of segments to this team; the segment keeps its old name "
            "there.",
            status=error.status,
            name=error.name,
        ) from error


def _update_topic(client: Client, item: Topic, changed: Mapping[str, Any]) -> None:
    client.topics.update(str(item.remote_id), changed)


def _update_property(client: Client, item: ContactProperty, changed: Mapping[str, Any]) -> None:
    client.properties.update(str(item.remote_id), changed["fallback_value"])


CREATE: Mapping[Kind, Callable[[Client, Any], str]] = {
    Kind.SEGMENT: _create_segment,
    Kind.TOPIC: _create_topic,
    Kind.PROPERTY: _create_property,
}
UPDATE: Mapping[Kind, Callable[[Client, Any, Mapping[str, Any]], None]] = {
    Kind.SEGMENT: _update_segment,
    Kind.TOPIC: _update_topic,
    Kind.PROPERTY: _update_property,
}
