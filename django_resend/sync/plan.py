"""What a pull or push would cost, before it begins: calls by stage, priced in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from django.db.models import Count

from ..client.paging import MAX_LIMIT
from ..models import (
    Contact,
    ContactProperty,
    Segment,
    Topic,
)
from .coverage import Coverage
from .limiter import UNLIMITED, current_rate


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
        return self.seconds_for(self.calls)

    def seconds_for(self, calls: int) -> float:
        return 0.0 if self.rate >= UNLIMITED else calls / self.rate


def plan_pull(*, shallow: bool = True, deep: bool = True, coverage: Coverage | None = None) -> Plan:
    """The plan of a pull, from what the mirror holds now: the numbers at Resend may differ.

    ``coverage``: of the contacts by the segments' lists; without one all pages are walked.
    """
    stages: list[Stage] = []
    if shallow:
        stages += _list_stages(coverage)
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


def _list_stages(coverage: Coverage | None = None) -> list[Stage]:
    definitions = (Segment, Topic, ContactProperty)
    listed = sum(_pages(model.untracked.count()) for model in definitions)
    segments = Segment.untracked.exclude(remote_id=None).annotate(size=Count("memberships"))
    members = sum(_pages(size) for size in segments.values_list("size", flat=True))
    contacts = coverage.calls if coverage else _pages(Contact.untracked.count())
    return [
        Stage("definitions", listed, exact=False),
        Stage("contacts", contacts, exact=False),
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


def _pages(rows: int) -> int:
    return max(1, ceil(rows / MAX_LIMIT))
