"""The sweep over all contacts, page by page, and the proof of those that are gone."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ...client import errors
from ...models import Contact
from ..apply import apply_contacts
from ..calls import walk_patiently
from ..seen import Seen
from .absence import delete_absent_contacts
from .context import Pull

STAGE = "contacts"
ROUTE = "/contacts"
RESTARTS = 2


def pull_contacts(pull: Pull) -> None:
    """Pull all contacts' base fields: one call and at most six statements a page of 100."""
    pull.progress.stage("contacts", Contact.untracked.count() or None)
    cursor = pull.take_cursor()
    seen = Seen.unpack(cursor.get("seen", {}))
    after = cursor.get("after")
    for restart in range(RESTARTS + 1):
        try:
            _walk(pull, after, seen)
        except (errors.BrokenWalk, errors.Refused, errors.NotFound) as error:
            # The cursor's row may have been deleted while the list was walked.
            if restart == RESTARTS:
                pull.stop(f"The list of contacts can't be walked to its end: {error}")
                return
            after = None
        else:
            break
    _settle(pull, seen)


def _walk(pull: Pull, after: str | None, seen: Seen) -> None:
    pages = walk_patiently(lambda cursor: pull.client.contacts.page(cursor), after, ROUTE)
    fetched_at = timezone.now()
    for page in pages:
        with transaction.atomic():
            pull.checkpoint(STAGE, after=after, seen=seen.pack())
            applied = apply_contacts(page.rows, fetched_at=fetched_at)
        seen.add(applied.pks.values())
        pull.count(STAGE, applied.counts)
        pull.progress.advance(len(page.rows))
        after = page.next
        if after is not None:
            pull.breathe(STAGE, after=after, seen=seen.pack())
        fetched_at = timezone.now()


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
