"""What a pull or push would cost, before it begins: calls by stage, priced in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from django.db.models import Count, F, Q

from ..client.paging import MAX_LIMIT
from ..models import (
    Contact,
    ContactProperty,
    Kind,
    MembershipRemoval,
    Segment,
    SegmentMembership,
    Subscription,
    Topic,
    TopicSubscription,
)
from ..models.batches import batches
from .limiter import UNLIMITED, current_rate
from .merge import changes
from .push.claims import due
from .states import local_contact

CREATE_CALLS = 2
"""A lookup of the address and a POST."""

CHOICE_CALLS = 2
"""A PATCH and a read back."""


@dataclass(frozen=True)
class Stage:
    """Some calls of one sort. ``exact`` unless they depend on what Resend turns out to hold."""

    name: str
    calls: int
    exact: bool = True


@dataclass(frozen=True)
class Plan:
    """The calls a run would make, and the rate, in calls a second, at which it may."""

    stages: Sequence[Stage]
    rate: float

    @property
    def calls(self) -> int:
        return sum(stage.calls for stage in self.stages)

    @property
    def exact(self) -> bool:
        return all(stage.exact for stage in self.stages)

    @property
    def seconds(self) -> float:
        return 0.0 if self.rate >= UNLIMITED else self.calls / self.rate


def plan_pull(*, shallow: bool = True, deep: bool = True) -> Plan:
    """The plan of a pull, from what the mirror holds now: the numbers at Resend may differ."""
    stages: list[Stage] = []
    if shallow:
        stages += _list_stages()
    if deep:
        stages += _single_stages(Contact.untracked.count())
    return Plan(stages, current_rate())


def plan_drift(*, deep: bool = False, sample: int | None = None) -> Plan:
    """The plan of a comparison, from what the mirror holds now."""
    if sample is None:
        stages = _list_stages()
        if deep:
            stages += _single_stages(Contact.untracked.count())
        return Plan(stages, current_rate())
    size = min(sample, Contact.untracked.count())
    definitions, *_ = _list_stages()
    memberships = Stage("memberships", size, exact=False)
    return Plan([definitions, *_single_stages(size), memberships], current_rate())


def plan_push() -> Plan:
    """The plan of pushing what is due now, worked out without a call."""
    entries = due()
    deletions = entries.exclude(remote_id="").count()
    definitions = entries.filter(remote_id="").exclude(kind=Kind.CONTACT)
    properties = definitions.filter(kind=Kind.PROPERTY).count()
    keys = entries.filter(remote_id="", kind=Kind.CONTACT).values_list("object_id", flat=True)
    stages = [
        Stage("definitions", definitions.count() + properties, exact=False),
        *_contact_stages(keys.order_by("object_id").iterator(2000)),
        Stage("deletions", deletions),
    ]
    return Plan([stage for stage in stages if stage.calls], current_rate())


def _list_stages() -> list[Stage]:
    definitions = (Segment, Topic, ContactProperty)
    listed = sum(_pages(model.untracked.count()) for model in definitions)
    segments = Segment.untracked.exclude(remote_id=None).annotate(size=Count("memberships"))
    members = sum(_pages(size) for size in segments.values_list("size", flat=True))
    return [
        Stage("definitions", listed, exact=False),
        Stage("contacts", _pages(Contact.untracked.count()), exact=False),
        Stage("memberships", members, exact=False),
    ]


def _single_stages(contacts: int) -> list[Stage]:
    topics = Topic.untracked.count()
    stages = []
    if topics or ContactProperty.untracked.exists():
        stages.append(Stage("properties", contacts, exact=False))
    if topics:
        stages.append(Stage("topic choices", contacts * _pages(topics), exact=False))
    return stages


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


def _pages(rows: int) -> int:
    return max(1, ceil(rows / MAX_LIMIT))
