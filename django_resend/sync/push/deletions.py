"""Delete at Resend what was deleted here; absent already is as good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from django.db import transaction
from django.utils import timezone

from ...client import Client
from ...models import Kind, Tombstone
from ..calls import within_limit
from ..erasure import erase_values
from .claims import Claim

DELETE: Mapping[Kind, Callable[[Client, str], bool]] = {
    Kind.CONTACT: lambda client, id: client.contacts.delete(id),
    Kind.SEGMENT: lambda client, id: client.segments.delete(id),
    Kind.TOPIC: lambda client, id: client.topics.delete(id),
    Kind.PROPERTY: lambda client, id: client.properties.delete(id),
}


def push_deletion(client: Client, claim: Claim) -> None:
    """Delete the object, and any remote object it was about to replace."""
    kind = Kind(claim.entry.kind)
    tombstones = Tombstone.objects.filter(kind=kind, object_id=claim.object_id, settled_at=None)
    targets = {claim.entry.remote_id, *tombstones.values_list("remote_id", flat=True)} - {""}
    for remote_id in sorted(targets):
        within_limit(partial(DELETE[kind], client, remote_id))
    if kind == Kind.PROPERTY:
        for key in tombstones.values_list("name", flat=True):
            erase_values(key)
    with transaction.atomic():
        claim.renew()
        tombstones.update(settled_at=timezone.now())
