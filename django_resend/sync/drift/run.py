"""Find drift, and repair it."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import F

from ...client import Client
from ...models import (
    Contact,
    Kind,
    MembershipRemoval,
    OutboxEntry,
    SegmentMembership,
    SyncRun,
    TopicSubscription,
)
from ...models.batches import batches
from ..calls import open_client
from ..plan import plan_drift
from ..progress import Interrupted, Progress, Silent
from ..pull import PullReport, pull_all
from ..pull.definitions import SOURCES
from ..runs import open_run
from .differences import Difference
from .lists import compare_contacts, compare_definitions, compare_members
from .singles import compare_singly

KEPT = 1000
"""Differences kept for the report; all are counted."""


@dataclass
class DriftReport:
    """``drift`` and ``waiting``: differences without and with pending work to explain them."""

    drift: int = 0
    waiting: int = 0
    by_cause: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    calls: int = 0
    sampled: int | None = None

    def add(self, difference: Difference) -> None:
        cause = difference.cause.value
        self.by_cause[cause] = self.by_cause.get(cause, 0) + 1
        if difference.is_drift:
            self.drift += 1
            if len(self.differences) < KEPT:
                self.differences.append(difference)
        else:
            self.waiting += 1


def find_drift(
    *,
    deep: bool = False,
    sample: int | None = None,
    progress: Progress | None = None,
    client: Client | None = None,
) -> DriftReport:
    """Compare both sides and change nothing.

    By lists: definitions, contacts' base fields, memberships; ``deep`` adds properties and topic
    choices, two calls a contact. ``sample`` instead reads so many contacts whole. The result is
    kept as a sync run. Raises ``NotConfigured`` and the client's errors.
    """
    own = client or open_client()
    planned = plan_drift(deep=deep, sample=sample)
    run = open_run(SyncRun.Action.DRIFT, own, planned_calls=planned.calls)
    report = DriftReport(sampled=sample)
    watch = progress or Silent()
    try:
        for difference in compare_definitions(own):
            report.add(difference)
        if sample is None:
            for difference in compare_contacts(own, watch):
                report.add(difference)
            for difference in compare_members(own, watch):
                report.add(difference)
        if deep or sample is not None:
            for difference in compare_singly(own, watch, sample=sample):
                report.add(difference)
        report.calls = own.calls
    except BaseException as error:
        state = SyncRun.State.STOPPED if isinstance(error, Interrupted) else SyncRun.State.FAILED
        run.finish(state, str(error) or type(error).__name__)
        raise
    finally:
        if client is None:
            own.close()
    run.counts.update(drift=report.drift, waiting=report.waiting)
    run.finish(SyncRun.State.DONE)
    return report


def repair_drift(
    *, deep: bool = False, allow_deletions: bool = False, progress: Progress | None = None
) -> PullReport:
    """Take over what changed at Resend, and enter in the outbox what changed here past it."""
    report = pull_all(deep=deep, full=True, allow_deletions=allow_deletions, progress=progress)
    enter_forgotten()
    return report


def enter_forgotten() -> None:
    """Give an outbox entry to every object that differs from its base and has none."""
    for kind, source in SOURCES.items():
        never_sent = source.model.untracked.filter(remote_id=None)
        OutboxEntry.objects.ensure(kind, never_sent.values_list("pk", flat=True))
    forgotten = (
        Contact.untracked.filter(remote_id=None, attention="").values_list("pk", flat=True),
        SegmentMembership.untracked.filter(confirmed_at=None).values_list("contact_id", flat=True),
        MembershipRemoval.objects.values_list("contact_id", flat=True),
        TopicSubscription.untracked.exclude(subscription=F("base")).values_list(
            "contact_id", flat=True
        ),
    )
    for keys in forgotten:
        for batch in batches(keys.iterator(2000)):
            OutboxEntry.objects.ensure(Kind.CONTACT, dict.fromkeys(batch))
