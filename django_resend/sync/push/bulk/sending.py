"""Send the files, once each where that can be known; find again those whose answer was lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone

from ....client import Client, errors
from ....client.rows import ImportRow
from ....models import ContactImport, ImportEntry, Kind, OutboxEntry
from ....models.batches import BATCH_ROWS
from ...calls import walk_patiently, within_limit
from .files import column_map, write_lines
from .held import drop
from .work import read_work

State = ContactImport.State
Job = ContactImport.Job

TRIES = 3
EARLIER, LATER = timedelta(minutes=1), timedelta(minutes=10)
"""How far Resend's moment of an import may be from ours of sending it."""

KEY_ERRORS = frozenset({"invalid_api_key", "restricted_api_key", "suspended_api_key"})
ROUTE = "/contacts/imports"


class ImportsRefused(Exception):
    """Resend takes no imports from this team for now; the message says so in a sentence."""


def send(client: Client, job: ContactImport) -> None:
    """Send one import. Raises ``ImportsRefused``, and the client's errors."""
    with TemporaryFile() as file:
        rows = _write(file, job)
        if not rows:
            job.delete()
            return
        for _attempt in range(TRIES):
            _update(job, state=State.SENDING, sent_at=timezone.now(), rows=rows)
            try:
                id = within_limit(partial(_post, client, job, file))
            except errors.ResendError as error:
                if not error.ambiguous:
                    _update(job, state=State.PREPARED)
                    if _is_refusal(error):
                        _refuse(job, error)
                        return
                    raise
                found = candidates(client, job)
                if found:
                    settle_lost(job, found)
                    return
                lost = error
            else:
                _update(job, state=State.SENT, remote_id=id)
                return
        raise lost


def candidates(client: Client, job: ContactImport) -> list[ImportRow]:
    """The imports at Resend that may be this one, whose answer was lost."""
    sent_at = job.sent_at or job.prepared_at
    since, until = sent_at - EARLIER, sent_at + LATER
    found: list[ImportRow] = []
    for page in walk_patiently(lambda cursor: client.imports.page(cursor), None, ROUTE):
        found += [
            row
            for row in page.rows
            if row.created_at and since <= row.created_at <= until and _may_be(job, row)
        ]
        last = page.rows[-1].created_at if page.rows else None
        if last is not None and last < since:
            break
    ids = [row.id for row in found]
    known = set(ContactImport.objects.filter(remote_id__in=ids).values_list("remote_id", flat=True))
    return [row for row in found if row.id not in known]


def settle_lost(job: ContactImport, found: list[ImportRow]) -> None:
    """Take the one import that it can be for it; of several it can't be told which."""
    if len(found) == 1:
        _update(job, state=State.SENT, remote_id=found[0].id)
    else:
        _update(job, state=State.SETTLING, verdict={"proved": False})


def discard(job: ContactImport) -> None:
    """Forget an import that was never sent."""
    for rows in entries(job):
        with transaction.atomic():
            drop(rows, sent=False)
    if not job.entries.exists():
        job.delete()


def entries(job: ContactImport) -> Iterator[list[ImportEntry]]:
    """The import's contacts, 1,000 at a time; those met before may be deleted meanwhile."""
    after = 0
    while rows := list(job.entries.filter(pk__gt=after).order_by("pk")[:BATCH_ROWS]):
        after = rows[-1].pk
        yield rows


def _may_be(job: ContactImport, row: ImportRow) -> bool:
    counts = row.counts if isinstance(row.counts, dict) else {}
    return row.status != "completed" or counts.get("total", job.rows) == job.rows


def _post(client: Client, job: ContactImport, file: BinaryIO) -> str:
    file.seek(0)
    return client.imports.create(
        file,
        filename=f"contacts-{job.pk}.csv",
        column_map=column_map(job.columns),
        on_conflict="skip" if job.job == Job.CREATE else "upsert",
        segments=job.segments,
        topics=job.topics,
    )


def _write(file: BinaryIO, job: ContactImport) -> int:
    """Write those that are still as they were; the others go one by one. Returns their number."""
    written = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal written
        for batch in entries(job):
            good = _unchanged(job, batch)
            dropped = [row for row in batch if row.contact_id not in good]
            if dropped:
                with transaction.atomic():
                    drop(dropped, sent=False)
            written += len(batch) - len(dropped)
            yield from (row.sent for row in batch if row.contact_id in good)

    write_lines(file, job.columns, rows())
    return written


def _unchanged(job: ContactImport, batch: list[ImportEntry]) -> set[int]:
    pks = [row.contact_id for row in batch]
    if job.job == Job.OPT_IN:
        return {pk for pk, work in read_work(pks).items() if work.opt_ins >= job.topics.keys()}
    held = OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id__in=pks, remote_id="")
    tokens = dict(held.values_list("object_id", "token"))
    return {row.contact_id for row in batch if tokens.get(row.contact_id) == row.token}


def _is_refusal(error: errors.ResendError) -> bool:
    """Whether it is imports that Resend refuses, and not the key or the moment."""
    if isinstance(error, errors.UserAgentRefused) or error.status == 401:
        return False
    if isinstance(error, errors.AccessRefused):
        return error.name not in KEY_ERRORS
    return isinstance(error, (errors.Refused, errors.NotFound, errors.MethodNotAllowed))


def _refuse(job: ContactImport, error: errors.ResendError) -> None:
    """Give its contacts back; raises ``ImportsRefused`` unless one of its ids may be at fault."""
    for rows in entries(job):
        with transaction.atomic():
            drop(rows, sent=False)
    names_others = bool(job.segments or job.topics)
    if names_others and isinstance(error, (errors.Refused, errors.NotFound)):
        job.delete()
        return
    _update(job, state=State.REFUSED, completed_at=timezone.now())
    raise ImportsRefused(
        f"Resend takes no CSV imports from this team, so contacts are pushed one by one ({error})."
    ) from error


def _update(job: ContactImport, **values: Any) -> None:
    for name, value in values.items():
        setattr(job, name, value)
    job.save(update_fields=list(values))
