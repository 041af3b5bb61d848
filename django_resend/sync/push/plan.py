"""What a push would cost: each due entry, compared with what Resend is known to hold."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F, Q, QuerySet

from ...models import (
    Contact,
    Kind,
    MembershipRemoval,
    OutboxEntry,
    SegmentMembership,
    Subscription,
    TopicSubscription,
)
from ...models.batches import batches
from ..limiter import current_rate
from ..merge import changes
from ..plan import Plan, Stage
from ..states import local_contact
from .bulk.groups import find_groups, import_calls
from .claims import due

CREATE_CALLS = 2
"""A lookup of the address and a POST."""

CHOICE_CALLS = 2
"""A PATCH and a read back."""


def plan_push(only: QuerySet[OutboxEntry] | None = None, rows: int | None = None) -> Plan:
    """The plan of pushing what is due now, worked out without a call.

    Of all, of ``only`` some, or of so many ``rows`` whose turn comes first.
    """
    if rows is not None:
        only = _first(rows, OutboxEntry.objects.all() if only is None else only)
    entries = due(only)
    deletions = entries.exclude(remote_id="").count()
    definitions = entries.filter(remote_id="").exclude(kind=Kind.CONTACT)
    properties = definitions.filter(kind=Kind.PROPERTY).count()
    keys = entries.filter(remote_id="", kind=Kind.CONTACT).values_list("object_id", flat=True)
    groups = find_groups(only)
    imported = {pk for bunch in groups.values() for pk in bunch.contacts}
    single = (pk for pk in keys.order_by("object_id").iterator(2000) if pk not in imported)
    stages = [
        Stage("definitions", definitions.count() + properties, exact=False),
        Stage("imports", import_calls(groups), exact=False),
        *_contact_stages(single),
        Stage("deletions", deletions),
    ]
    return Plan([stage for stage in stages if stage.calls], current_rate())


def _first(rows: int, entries: QuerySet[OutboxEntry]) -> QuerySet[OutboxEntry]:
    """Those of the entries that come before the one after so many rows."""
    for rank, pk in due(entries).values_list("rank", "pk")[rows : rows + 1]:
        return entries.filter(Q(rank__lt=rank) | Q(rank=rank, pk__lt=pk))
    return entries


def _contact_stages(keys: Iterable[int]) -> list[Stage]:
    creates = updates = memberships = choices = 0
    for batch in batches(keys):
        contacts = Contact.untracked.filter(pk__in=batch)
        creates += contacts.filter(remote_id=None).count()
        linked = contacts.exclude(remote_id=None)
        updates += sum(1 for row in linked.iterator(500) if changes(row.base, local_contact(row)))
        joins = SegmentMembership.untracked.filter(contact__in=linked, confirmed_at=None)
        memberships += joins.count()
        memberships += MembershipRemoval.objects.filter(contact__in=linked).count()
        choosing = TopicSubscription.untracked.filter(contact__in=linked).exclude(
            subscription=F("base")
        )
        choices += choosing.values("contact").distinct().count() * CHOICE_CALLS
        unproved = Q(base="", subscription=Subscription.OPT_IN)
        choices += choosing.filter(unproved).values("contact").distinct().count()
    return [
        Stage("new contacts", creates * CREATE_CALLS, exact=False),
        Stage("changed contacts", updates),
        Stage("topic choices", choices, exact=False),
        Stage("memberships", memberships),
    ]
