"""Which of the due contacts go together in files, and whether that pays."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from django.db.models import QuerySet
from django.utils import timezone

from ....client.paging import MAX_LIMIT
from ....conf import resend_settings
from ....models import ContactImport, Kind, OutboxEntry
from ....models.batches import batches
from ..claims import due
from .work import Group, columns_of, read_work

REFUSED_FOR = timedelta(days=1)
"""After Resend refused an import altogether, how long none is tried."""


LOOKS = 5
"""At growing intervals, until an import of some 10 to 20 seconds is done."""


@dataclass
class Bunch:
    """The contacts (local keys) of one group, and what follows once they are created.

    ``opt_in_sets``: the sets of topics, by Resend's id, that some of them are to be opted in to.
    ``columns``: of the values they have.
    """

    contacts: array[int] = field(default_factory=lambda: array("q"))
    opt_in_sets: set[frozenset[str]] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)


def imports_allowed() -> bool:
    """Whether the settings, and what Resend said lately, allow imports."""
    since = timezone.now() - REFUSED_FOR
    refused = ContactImport.objects.filter(
        state=ContactImport.State.REFUSED, completed_at__gt=since
    )
    return resend_settings.bulk_threshold > 0 and not refused.exists()


def may_pay(only: QuerySet[OutboxEntry] | None = None) -> bool:
    """Whether enough contacts are due for any group to be large enough."""
    least = resend_settings.bulk_threshold
    return _due_contacts(only).count() >= least > 0 and imports_allowed()


def find_groups(only: QuerySet[OutboxEntry] | None = None) -> dict[Group, Bunch]:
    """The groups that are large enough for an import. A constant number of queries a batch."""
    groups: dict[Group, Bunch] = {}
    if not may_pay(only):
        return groups
    keys = _due_contacts(only).values_list("object_id", flat=True)
    for batch in batches(keys.iterator(2000)):
        for pk, work in read_work(batch).items():
            if work.group is not None:
                bunch = groups.setdefault(work.group, Bunch())
                bunch.contacts.append(pk)
                bunch.columns.update(columns_of(work.fields))
                if work.is_new and work.opt_ins:
                    bunch.opt_in_sets.add(frozenset(work.opt_ins))
    least = resend_settings.bulk_threshold
    return {group: bunch for group, bunch in groups.items() if len(bunch.contacts) >= least}


def import_calls(groups: Mapping[Group, Bunch]) -> int:
    """The calls that these imports are likely to take; what they leave to single calls is not in.

    One for each file, the looks whether they are done, the new contacts' pages, and one contact for
    each set of topic choices.
    """
    if not groups:
        return 0
    created = sum(len(b.contacts) for g, b in groups.items() if g.job == ContactImport.Job.CREATE)
    followers = len(set().union(*(bunch.opt_in_sets for bunch in groups.values())))
    choices = sum(bool(group.opt_outs) for group in groups) + followers
    looks = LOOKS * (2 if followers else 1)
    return len(groups) + followers + choices + looks + ceil(created / MAX_LIMIT)


def _due_contacts(only: QuerySet[OutboxEntry] | None) -> QuerySet[OutboxEntry]:
    return due(only).filter(kind=Kind.CONTACT, remote_id="")
