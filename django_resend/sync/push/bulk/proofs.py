"""What a finished import is proved to have done, read back with few calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from ....client import Client, errors
from ....client.rows import ContactRow
from ....models import (
    Contact,
    ContactImport,
    ImportEntry,
    Kind,
    SegmentMembership,
    Tombstone,
    email_key,
)
from ....models.batches import rewrite
from ...apply import CLOCK_SKEW, apply_contacts
from ...calls import patiently, walk_patiently
from ..choices import ROUTE as TOPICS_ROUTE
from .held import renew
from .sending import entries

Job = ContactImport.Job

SAMPLES = 3
CONTACTS, MEMBERS = "/contacts", "/segments/{segment}/contacts"


def judge_created(client: Client, jobs: Sequence[ContactImport]) -> None:
    """Link the contacts of these imports to those made at Resend, with one walk for all.

    As many as an import says it made must have been made at its time: then each of them is its
    work, and nobody can have opted out there before.
    """
    told = [job for job in jobs if _count(job, "created") > 0 and job.begun_at is not None]
    if told:
        _meet_newest(client, told)
    for job in jobs:
        made = job.entries.filter(fresh=True).count()
        proved = job in told and made == _count(job, "created")
        if proved:
            for id in _brought_back(job):
                patiently(partial(client.contacts.delete, id))
        _decide(client, job, proved)


def judge_changed(client: Client, job: ContactImport) -> None:
    """The counts prove the changes; what the import brought back to life is deleted again."""
    created = _count(job, "created")
    proved = (
        created + _count(job, "updated") == _count(job, "total") == job.rows
        and _count(job, "failed") == 0
    )
    if created:
        newcomers = _newcomers(client, job)
        if len(newcomers) == created:
            for id in newcomers:
                patiently(partial(client.contacts.delete, id))
        else:
            proved = False
    if not proved:
        for segment in job.segments:
            _confirm_listed(client, job, segment)
    _decide(client, job, proved)


def _decide(client: Client, job: ContactImport, proved: bool) -> None:
    job.verdict = {"proved": proved, "topics": proved and _shows_topics(client, job)}
    job.save(update_fields=["verdict"])


def _count(job: ContactImport, name: str) -> int:
    """A figure of the import's report; -1 where Resend didn't tell."""
    return int(job.verdict.get("counts", {}).get(name, -1))


def _meet_newest(client: Client, jobs: Sequence[ContactImport]) -> None:
    missing = ImportEntry.objects.filter(contact_import__in=jobs, remote_id="")
    for rows in _newest(client, min(job.begun_at for job in jobs if job.begun_at)):
        with transaction.atomic():
            _meet(rows, {job.pk: job for job in jobs})
        if not missing.exists():
            return


def _newest(client: Client, since: datetime) -> Iterator[Sequence[ContactRow]]:
    """The contacts at Resend made since then, by pages. The last page may hold older ones."""
    for page in walk_patiently(lambda cursor: client.contacts.page(cursor), None, CONTACTS):
        yield page.rows
        last = page.rows[-1].created_at if page.rows else None
        if last is not None and last < since - CLOCK_SKEW:
            return


def _meet(rows: Sequence[ContactRow], jobs: Mapping[int, ContactImport]) -> None:
    """Link the contacts that stand in the files, as a push does that finds them there."""
    renew(ContactImport.objects.filter(pk__in=jobs))
    found = {email_key(row.email): row for row in rows}
    met = list(ImportEntry.objects.filter(contact_import__in=jobs, email_key__in=found))
    contacts = Contact.untracked.select_for_update().in_bulk([entry.contact_id for entry in met])
    unlinked = []
    for entry in met:
        row, contact = found[entry.email_key], contacts.get(entry.contact_id)
        entry.remote_id = row.id
        entry.fresh = _is_work_of(jobs[entry.contact_import_id], row)
        if contact and contact.remote_id is None and contact.email_key == entry.email_key:
            unlinked.append(row)
    if unlinked:
        apply_contacts(unlinked, fetched_at=None)
    rewrite(met, ["remote_id", "fresh"])


def _is_work_of(job: ContactImport, row: ContactRow) -> bool:
    if row.created_at is None or job.begun_at is None or job.completed_at is None:
        return False
    return job.begun_at < row.created_at <= job.completed_at + CLOCK_SKEW


def _brought_back(job: ContactImport) -> list[str]:
    """Those whom the import was to skip, had they not been deleted at Resend before their turn."""
    again: list[str] = []
    for rows in entries(job):
        made = {row.contact_id: row for row in rows if row.fresh}
        linked = Contact.untracked.filter(pk__in=made).exclude(remote_id=None)
        buried = Tombstone.objects.filter(
            kind=Kind.CONTACT, object_id__in=made, origin=Tombstone.Origin.REMOTE
        )
        known = dict(linked.values_list("pk", "remote_id"))
        known |= dict(buried.values_list("object_id", "remote_id"))
        again += [made[pk].remote_id for pk, id in known.items() if id != made[pk].remote_id]
    return again


def _newcomers(client: Client, job: ContactImport) -> list[str]:
    """The contacts that an import made anew though it should only have changed them."""
    if job.begun_at is None:
        return []
    newcomers: dict[str, None] = {}
    for rows in _newest(client, job.begun_at):
        made = {email_key(row.email): row for row in rows if _is_work_of(job, row)}
        entries = list(job.entries.filter(email_key__in=made))
        known = Contact.untracked.in_bulk([entry.contact_id for entry in entries])
        again = [
            entry
            for entry in entries
            if not _is_the_same(entry, made[entry.email_key], known.get(entry.contact_id))
        ]
        ImportEntry.objects.filter(pk__in=[entry.pk for entry in again]).update(fresh=True)
        newcomers.update({made[entry.email_key].id: None for entry in again})
    return list(newcomers)


def _is_the_same(entry: ImportEntry, row: ContactRow, contact: Contact | None) -> bool:
    """Whether the row is the contact that the import was to change; ids may be given out again."""
    if entry.remote_id != row.id:
        return False
    before = contact.remote_created_at if contact else None
    return before is None or row.created_at == before


def _shows_topics(client: Client, job: ContactImport) -> bool:
    """Whether a contact of the file has the file's topic choices; then all have them."""
    if not job.topics:
        return True
    sample = job.entries.exclude(remote_id="").filter(fresh=job.job == Job.CREATE)
    for remote_id in sample.order_by("pk").values_list("remote_id", flat=True)[:SAMPLES]:
        pages = walk_patiently(partial(client.contacts.topic_page, remote_id), None, TOPICS_ROUTE)
        try:
            shown = {row.id: row.subscription for page in pages for row in page.rows}
        except (errors.NotFound, errors.Refused):
            continue
        return all(shown.get(topic) == choice for topic, choice in job.topics.items())
    return False


def _confirm_listed(client: Client, job: ContactImport, segment: str) -> None:
    """Confirm the memberships that the segment's own list shows."""
    pages = walk_patiently(partial(client.segments.contact_page, segment), None, MEMBERS)
    try:
        for page in pages:
            with transaction.atomic():
                rows = SegmentMembership.untracked.filter(
                    contact__remote_id__in=[row.id for row in page.rows],
                    contact__in=job.entries.values("contact_id"),
                    segment__remote_id=segment,
                    confirmed_at=None,
                )
                rows.update(confirmed_at=timezone.now())
    except (errors.NotFound, errors.Refused, errors.BrokenWalk):
        return
