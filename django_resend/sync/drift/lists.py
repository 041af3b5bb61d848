"""Compare by lists: definitions, contacts' base fields, memberships. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ...client import Client
from ...client.rows import ContactRow
from ...models import (
    Contact,
    Kind,
    MembershipRemoval,
    Segment,
    SegmentMembership,
    Tombstone,
    email_key,
)
from ...models.batches import batches
from ..calls import walk_patiently
from ..progress import Progress
from ..pull.definitions import SOURCES, pages
from ..seen import Seen
from ..states import local_contact, remote_contact
from .differences import Cause, Difference, differing, only_local, only_remote

READ_AT_ONCE = 500


def compare_definitions(client: Client) -> Iterator[Difference]:
    for kind, source in SOURCES.items():
        items = {item.remote_id: item for item in source.model.objects.with_outbox()}
        leaving = _leaving(kind)
        met: set[str] = set()
        for rows in pages(client, kind):
            for row in rows:
                met.add(row.id)
                state = source.state(row)
                item = items.get(row.id)
                if item is not None:
                    local = {name: getattr(item, name) for name in state}
                    yield from differing(kind, item, row.id, local, state)
                elif row.id not in leaving:
                    yield only_remote(kind, str(state.get("name") or state.get("key")), row.id)
        for remote_id, item in items.items():
            if remote_id not in met:
                yield only_local(kind, item)


def compare_contacts(client: Client, progress: Progress) -> Iterator[Difference]:
    progress.stage("contacts", Contact.untracked.count())
    seen = Seen()
    leaving = _leaving(Kind.CONTACT)
    for page in walk_patiently(client.contacts.page, None, "/contacts"):
        yield from compare_rows(page.rows, leaving, seen)
        progress.advance(len(page.rows))
    unmet = (
        pk for pk in Contact.untracked.values_list("pk", flat=True).iterator() if pk not in seen
    )
    for pks in batches(unmet, READ_AT_ONCE):
        for contact in Contact.objects.with_outbox().filter(pk__in=pks):
            yield only_local(Kind.CONTACT, contact)


def compare_rows(rows: Sequence[ContactRow], leaving: set[str], seen: Seen) -> Iterator[Difference]:
    """Compare some remote contacts with their local ones; adds the local keys to ``seen``."""
    ids = [row.id for row in rows]
    contacts = {c.remote_id: c for c in Contact.objects.with_outbox().filter(remote_id__in=ids)}
    for row in rows:
        contact = contacts.get(row.id)
        if contact is not None:
            seen.add([contact.pk])
            yield from differing(
                Kind.CONTACT, contact, row.id, local_contact(contact), remote_contact(row)
            )
        elif row.id not in leaving:
            yield only_remote(Kind.CONTACT, row.email, row.id)


def compare_members(client: Client, progress: Progress) -> Iterator[Difference]:
    progress.stage("memberships", SegmentMembership.untracked.count())
    for segment in Segment.untracked.exclude(remote_id=None).order_by("pk"):
        remote_id = str(segment.remote_id)
        seen = Seen()
        walk = walk_patiently(
            partial(client.segments.contact_page, remote_id),
            None,
            "/segments/{segment}/contacts",
        )
        for page in walk:
            yield from _compare_members_page(segment, page.rows, seen)
            progress.advance(len(page.rows))
        yield from _not_listed(segment, seen)


def _compare_members_page(
    segment: Segment, rows: Sequence[ContactRow], seen: Seen
) -> Iterator[Difference]:
    keys = {email_key(row.email) for row in rows}
    contacts = Contact.untracked.filter(remote_id__in=[row.id for row in rows])
    by_id = dict(contacts.values_list("remote_id", "pk"))
    seen.add(by_id.values())
    members = SegmentMembership.untracked.filter(segment=segment, contact__in=by_id.values())
    here = set(members.values_list("contact_id", flat=True))
    removals = MembershipRemoval.objects.filter(segment=segment, contact__email_key__in=keys)
    leaving = set(removals.values_list("contact_id", flat=True))
    for row in rows:
        pk = by_id.get(row.id)
        if pk is None or pk in here:
            continue
        cause = Cause.WAITING if pk in leaving else Cause.REMOTE
        yield Difference(
            "membership", f"{row.email} in {segment}", pk, row.id, "", None, "member", cause
        )


def _not_listed(segment: Segment, seen: Seen) -> Iterator[Difference]:
    rows = SegmentMembership.untracked.filter(segment=segment).values_list(
        "contact_id", "contact__email", "contact__remote_id", "confirmed_at"
    )
    for pk, email, remote_id, confirmed_at in rows.iterator(READ_AT_ONCE):
        if pk not in seen:
            cause = Cause.REMOTE if confirmed_at else Cause.WAITING
            yield Difference(
                "membership", f"{email} in {segment}", pk, remote_id, "", "member", None, cause
            )


def _leaving(kind: Kind) -> set[str]:
    """The remote ids whose deletion is under way."""
    waiting = Tombstone.objects.filter(kind=kind, settled_at=None)
    return set(waiting.values_list("remote_id", flat=True))
