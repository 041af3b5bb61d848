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
from .absence import PROOFS_AT_ONCE, Absent, bury_absent, is_mass_deletion
from .contacts import absent, walk_on
from .context import Pull
from .sweep import Head, Sweep

STAGE = "rest"
REFUSED = (errors.Refused, errors.NotFound)


def pull_rest(pull: Pull) -> None:
    """Read whom no list showed; where that costs more than the rest of the list, walk that."""
    pull.take_cursor()
    sweep = pull.sweep
    if sweep is None:
        return
    if sweep.is_covered and not sweep.unwalked and _read_unmet(pull, sweep):
        pull.sweep = None
        return
    sweep.go_on()
    pull.progress.stage("contacts", None)
    walk_on(pull, STAGE, Head(None))


def _read_unmet(pull: Pull, sweep: Sweep) -> bool:
    """Read them singly; ``False`` where the list must be walked after all."""
    unmet = absent(pull, sweep)
    known = Contact.untracked.filter(remote_id__isnull=False).count()
    if len(unmet) > sweep.pages or is_mass_deletion(len(unmet), known):
        return False
    pull.progress.stage("contacts one by one", len(unmet))
    for batch in batches(unmet, PROOFS_AT_ONCE):
        fetched_at = timezone.now()
        try:
            rows, gone = _read(pull.client, batch)
        except REFUSED:
            return False
        if not sweep.lacks(pk for pk, _ in gone):
            # No list would have shown it: the whole one must prove that it lacks it.
            return False
        applied, buried = insistently(partial(_store, pull, rows, gone, fetched_at))
        pull.count("contacts", applied.counts)
        pull.run.counts["contacts_deleted"] += buried
        pull.progress.advance(len(batch))
        sweep.meet([pk for pk, _ in batch])
        pull.breathe(STAGE)
    return True


def _read(client: Client, contacts: Sequence[Absent]) -> tuple[list[ContactRow], list[Absent]]:
    """The rows of those that are there, and those proved to be gone."""
    rows: list[ContactRow] = []
    gone: list[Absent] = []
    for pk, remote_id in contacts:
        try:
            rows.append(patiently(partial(client.contacts.get, remote_id)))
        except errors.NotFound as error:
            if not error.proves_absence:
                raise
            gone.append((pk, remote_id))
    return rows, gone


def _store(
    pull: Pull, rows: Sequence[ContactRow], gone: Sequence[Absent], fetched_at: datetime
) -> tuple[Applied, int]:
    pull.checkpoint(STAGE)
    return apply_contacts(rows, fetched_at=fetched_at), bury_absent(gone)
