"""The sweep over all contacts, page by page, and the proof of those that are gone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from functools import partial

from django.db.models import Q, QuerySet

from ...client import errors
from ...client.rows import ContactRow
from ...models import Contact
from ..apply import Applied, apply_contacts
from ..calls import walk_patiently, walk_restarting
from ..locks import insistently
from ..reading import gather, read_ahead
from .absence import Absent, delete_absent_contacts
from .context import Pull
from .sweep import Head, Sweep

STAGE = "contacts"
ROUTE = "/contacts"
BROKEN = (errors.BrokenWalk, errors.Refused, errors.NotFound)


def pull_contacts(pull: Pull) -> None:
    """Pull all contacts' base fields: one call and at most six statements a page of 100.

    Where the segments' lists will show the same contacts, only the head of the list.
    """
    pull.progress.stage("contacts", Contact.untracked.count() or None)
    # A sweep that is resumed is walked to its end: what was the head of its list isn't known.
    walk_on(pull, STAGE, Head(None if pull.sweep else pull.coverage))


def walk_on(pull: Pull, stage: str, head: Head) -> None:
    """Walk the list of contacts on from where the sweep is, to its end or that of its head."""
    sweep = pull.sweep = pull.sweep or Sweep()
    try:
        walk_restarting(partial(_walk, pull, stage, sweep, head), sweep.after, BROKEN)
    except BROKEN as error:
        pull.sweep = None
        pull.stop(f"The list of contacts can't be walked to its end: {error}")
        return
    if not sweep.is_covered:
        pull.sweep = None
        _settle(pull, sweep)


def _walk(pull: Pull, stage: str, sweep: Sweep, head: Head, after: str | None) -> None:
    sweep.after = after
    if after is None:
        head.restart()
    pages = walk_patiently(lambda cursor: pull.client.contacts.page(cursor), after, ROUTE)

    def wait_for_none() -> bool:
        # No page is asked for ahead that may not be wanted.
        return head.is_open or pull.is_late()

    with closing(read_ahead(pull.client, pages, late=wait_for_none)) as read:
        for fetched_at, group in gather(read, late=wait_for_none):
            rows = [row for page in group for row in page.rows]
            applied = insistently(partial(_store, pull, stage, rows, fetched_at))
            sweep.take(rows, applied)
            sweep.after = group[-1].next
            pull.count("contacts", applied.counts)
            pull.progress.advance(len(rows))
            if sweep.after is None:
                return
            if head.is_open and head.ends_with(rows, applied):
                head.leave(sweep)
                return
            pull.breathe(stage)


def _store(pull: Pull, stage: str, rows: Sequence[ContactRow], fetched_at: datetime) -> Applied:
    pull.checkpoint(stage)
    return apply_contacts(rows, fetched_at=fetched_at)


def _settle(pull: Pull, sweep: Sweep) -> None:
    """The walk is complete: what it didn't meet may be gone."""
    if sweep.complete:
        pull.run.note_sweep(sweep.newest, len(sweep.seen))
    if missing := absent(pull, sweep):
        delete_absent_contacts(pull, missing, _known(pull).count())


def absent(pull: Pull, sweep: Sweep) -> list[Absent]:
    """The contacts that were at Resend before this run and that it hasn't met."""
    rows = _known(pull).order_by().values_list("pk", "remote_id").iterator(2000)
    return [(pk, str(remote_id)) for pk, remote_id in rows if pk not in sweep.seen]


def _known(pull: Pull) -> QuerySet[Contact]:
    started = pull.run.started_at
    known = Contact.untracked.filter(remote_id__isnull=False, created_at__lt=started)
    return known.filter(Q(pushed_at__isnull=True) | Q(pushed_at__lt=started))
