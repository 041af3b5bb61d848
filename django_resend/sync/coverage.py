"""Whether a pull may leave most of the list of contacts out: segments' lists show the same rows.

Lists are newest first (Resend docs: Pagination). So after one sweep over all contacts, the next
pulls need of that list only its head, and of the others what their segments' lists show. Whom no
list shows is read singly. A sweep a day, and whatever looks odd, goes through the whole list.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from ..client.paging import MAX_LIMIT
from ..models import Contact, Kind, Segment, SegmentMembership, SyncRun, Tombstone

FULL_SWEEP_EVERY = timedelta(hours=20)
"""Less than a day: a pull at the same hour of each day then sweeps each time."""

LEAST_PAGES = 10
"""A shorter list is walked whole: nothing worth it is saved."""

OVERLAP = timedelta(seconds=1)
"""Contacts made in the same moment may be listed in any order."""


@dataclass(frozen=True)
class Coverage:
    """What the mirror knows of the list.

    ``newest``: when Resend made the newest contact of the last sweep. ``pages``: of the list.
    ``segments``: the local keys of those whose lists are to show the contacts. ``unlisted``: the
    local keys of contacts in none of them.
    """

    newest: datetime
    pages: int
    segments: frozenset[int]
    unlisted: frozenset[int]

    @property
    def calls(self) -> int:
        """At least so many, instead of one a page."""
        return 1 + len(self.unlisted)


def find_coverage() -> Coverage | None:
    """The coverage by segments, ``None`` where the whole list is to be walked."""
    linked = Contact.untracked.filter(remote_id__isnull=False)
    count = linked.count()
    pages = ceil(count / MAX_LIMIT)
    swept = _last_sweep() if pages >= LEAST_PAGES else None
    if swept is None or swept.swept_to is None:
        return None
    buried = Tombstone.objects.filter(kind=Kind.CONTACT, deleted_at__gte=swept.started_at).count()
    if count + buried < (swept.swept_contacts or 0):
        # Rows were deleted past the app: only the whole list brings them back.
        return None
    few = pages // 2
    unlisted = frozenset(_in_no_segment(linked).values_list("pk", flat=True)[: few + 1])
    if len(unlisted) > few:
        return None
    segments = Segment.untracked.filter(remote_id__isnull=False).values_list("pk", flat=True)
    return Coverage(swept.swept_to, pages, frozenset(segments), unlisted)


def _last_sweep() -> SyncRun | None:
    since = timezone.now() - FULL_SWEEP_EVERY
    pulls = SyncRun.objects.filter(action=SyncRun.Action.PULL, state=SyncRun.State.DONE)
    return pulls.filter(started_at__gte=since, swept_to__isnull=False).first()


def _in_no_segment(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    confirmed = SegmentMembership.untracked.filter(
        contact=OuterRef("pk"), confirmed_at__isnull=False, segment__remote_id__isnull=False
    )
    return contacts.filter(~Exists(confirmed)).order_by()
