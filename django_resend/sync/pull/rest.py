"""Contacts that neither the head of the list nor any segment showed: read singly, or swept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.utils import timezone

from ...client import Client, errors
from ...client.rows import ContactRow
from ...models import Contact
from ...models.batches import batches
from ..apply import Applied, apply_contacts
from ..calls import patiently
from ..locks import insistently
from .absence import PROOFS_AT_ONCE, Absent, bury, is_mass_deletion
from .contacts import absent, walk_on
from .context import Pull
from .sweep import Head, Sweep

STAGE = "rest"


def pull_rest(pull: Pull) -> None:
    """Read whom no list showed; where that costs more than the rest of the list, walk that."""
    pull.take_cursor()
    sweep = pull.sweep
    if sweep is None:
        return
    if sweep.is_covered and _read_unmet(pull, sweep):
        pull.sweep = None
        return
    sweep.go_on()
    pull.progress.stage("contacts", None)
    walk_on(pull, STAGE, Head(None))


def _read_unmet(pull: Pull, sweep: Sweep) -> bool:
    """Whether single reads did."""
    unmet = absent(pull, sweep)
    known = Contact.untracked.filter(remote_id__isnull=False).count()
    if len(unmet) > sweep.pages or is_mass_deletion(len(unmet), known):
        return False
    pull.progress.stage("contacts one by one", len(unmet))
    for batch in batches(unmet, PROOFS_AT_ONCE):
        fetched_at = timezone.now()
        rows, gone = _read(pull.client, batch)
        if sweep.unlisted is None or not sweep.unlisted.isdisjoint(gone):
            # No list would have shown it: the whole one must prove that it lacks it.
            return False
        applied = insistently(partial(_store, pull, rows, gone, fetched_at))
        pull.count("contacts", applied.counts)
        pull.run.counts["contacts_deleted"] += len(gone)
        pull.progress.advance(len(batch))
        sweep.meet([pk for pk, _ in batch])
        pull.breathe(STAGE)
    return True


def _read(client: Client, contacts: Sequence[Absent]) -> tuple[list[ContactRow], list[int]]:
    """The rows of those that are there, and the local keys of those proved to be gone."""
    told = {pk: _row(client, remote_id) for pk, remote_id in contacts}
    rows = [row for row in told.values() if isinstance(row, ContactRow)]
    return rows, [pk for pk, row in told.items() if row is None]


def _row(client: Client, remote_id: str) -> ContactRow | errors.ResendError | None:
    """What Resend tells of a contact, ``None`` where it is proved to be gone."""
    try:
        return patiently(partial(client.contacts.get, remote_id))
    except errors.NotFound as error:
        return None if error.proves_absence else error
    except errors.Refused as error:
        return error


def _store(
    pull: Pull, rows: Sequence[ContactRow], gone: Sequence[int], fetched_at: datetime
) -> Applied:
    pull.checkpoint(STAGE)
    applied = apply_contacts(rows, fetched_at=fetched_at)
    bury(gone)
    return applied
