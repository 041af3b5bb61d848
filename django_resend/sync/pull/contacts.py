"""The sweep over all contacts, page by page, and the proof of those that are gone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from functools import partial

from django.db.models import Q

from ...client import errors
from ...client.rows import ContactRow
from ...models import Contact
from ..apply import Applied, apply_contacts
from ..calls import walk_patiently, walk_restarting
from ..crew import gather, read_ahead
from ..locks import insistently
from ..seen import Seen
from .absence import delete_absent_contacts
from .context import Pull

STAGE = "contacts"
ROUTE = "/contacts"
BROKEN = (errors.BrokenWalk, errors.Refused, errors.NotFound)


def pull_contacts(pull: Pull) -> None:
    """Pull all contacts' base fields: one call and at most six statements a page of 100."""
    pull.progress.stage("contacts", Contact.untracked.count() or None)
    cursor = pull.take_cursor()
    seen = Seen.unpack(cursor.get("seen", {}))
    try:
        walk_restarting(lambda after: _walk(pull, after, seen), cursor.get("after"), BROKEN)
    except BROKEN as error:
        pull.stop(f"The list of contacts can't be walked to its end: {error}")
        return
    _settle(pull, seen)


def _walk(pull: Pull, after: str | None, seen: Seen) -> None:
    pages = walk_patiently(lambda cursor: pull.client.contacts.page(cursor), after, ROUTE)
    with closing(read_ahead(pull.client, pages, late=pull.is_late)) as read:
        for fetched_at, group in gather(read, late=pull.is_late):
            rows = [row for page in group for row in page.rows]
            applied = insistently(partial(_store, pull, rows, fetched_at, after, seen))
            seen.add(applied.pks.values())
            pull.count(STAGE, applied.counts)
            pull.progress.advance(len(rows))
            after = group[-1].next
            if after is not None:
                pull.breathe(STAGE, after=after, seen=seen.pack())


def _store(
    pull: Pull, rows: Sequence[ContactRow], fetched_at: datetime, after: str | None, seen: Seen
) -> Applied:
    pull.checkpoint(STAGE, after=after, seen=seen.pack())
    return apply_contacts(rows, fetched_at=fetched_at)


def _settle(pull: Pull, seen: Seen) -> None:
    """The walk is complete: what it didn't meet may be gone."""
    started = pull.run.started_at
    known = Contact.untracked.filter(remote_id__isnull=False, created_at__lt=started).filter(
        Q(pushed_at__isnull=True) | Q(pushed_at__lt=started)
    )
    rows = known.order_by().values_list("pk", "remote_id").iterator(2000)
    absent = [(pk, str(remote_id)) for pk, remote_id in rows if pk not in seen]
    if absent:
        delete_absent_contacts(pull, absent, known.count())
