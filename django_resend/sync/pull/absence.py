"""Remote deletions: proved one by one, and never so many at once that something must be wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from django.utils import timezone

from ...client import errors
from ...conf import resend_settings
from ...models import (
    Contact,
    ContactProperty,
    Kind,
    OutboxEntry,
    Segment,
    Tombstone,
    Topic,
    TopicSubscription,
)
from ...models.batches import batches
from ..calls import patiently
from ..erasure import erase_values
from ..locks import insistently
from ..news import announce_deleted
from .context import Pull

PROOFS_AT_ONCE = 50

Absent = tuple[int, str]
"""Local key and Resend's id of a row that a complete sweep didn't meet."""


def is_mass_deletion(rows: int, of: int) -> bool:
    """Whether deleting so many rows of so many needs a person's word."""
    return (
        rows > resend_settings.mass_deletion_rows
        and rows > of * resend_settings.mass_deletion_share
    )


def delete_absent_contacts(pull: Pull, absent: Sequence[Absent], known: int) -> None:
    """Delete the contacts of which Resend says, one by one, that they don't exist."""
    if is_mass_deletion(len(absent), known) and not pull.allow_deletions:
        pull.stop(
            f"Resend no longer lists {len(absent)} of {known} contacts. Nothing was deleted here. "
            "If that is right, run resend_pull --allow-deletions."
        )
        return
    pull.progress.stage("proving deletions", len(absent))
    for batch in batches(absent, PROOFS_AT_ONCE):
        gone = [one for one in batch if _is_gone(pull.client.contacts.get, one[1])]
        pull.run.counts["contacts_deleted"] += insistently(partial(bury_absent, gone))
        pull.progress.advance(len(batch))


def delete_absent_definitions(
    pull: Pull,
    model: type[Segment] | type[Topic] | type[ContactProperty],
    get: Callable[[str], object],
    absent: Sequence[Absent],
    known: int,
) -> None:
    if is_mass_deletion(len(absent), known) and not pull.allow_deletions:
        pull.stop(
            f"Resend no longer lists {len(absent)} of {known} {model._meta.verbose_name_plural}. "
            "Nothing was deleted here. If that is right, run resend_pull --allow-deletions."
        )
        return
    gone = [(pk, remote_id) for pk, remote_id in absent if _is_gone(get, remote_id)]
    names = dict(
        model.untracked.filter(pk__in=[pk for pk, _ in gone]).values_list("pk", model.name_field)
    )
    insistently(partial(bury_definitions, model, gone, names))
    if model is ContactProperty:
        for key in names.values():
            erase_values(key)
    pull.run.counts[f"{model.kind}_deleted"] += len(gone)


def bury_definitions(
    model: type[Segment] | type[Topic] | type[ContactProperty],
    gone: Sequence[Absent],
    names: Mapping[int, str],
) -> None:
    """Delete definitions that Resend deleted. Call it inside a transaction."""
    now = timezone.now()
    Tombstone.objects.bulk_create(
        Tombstone(
            kind=model.kind,
            object_id=pk,
            remote_id=remote_id,
            name=names.get(pk, ""),
            origin=Tombstone.Origin.REMOTE,
            deleted_at=now,
            settled_at=now,
        )
        for pk, remote_id in gone
    )
    keys = [pk for pk, _ in gone]
    OutboxEntry.objects.filter(kind=model.kind, object_id__in=keys).delete()
    model.untracked.filter(pk__in=keys).delete()


def _is_gone(get: Callable[[str], object], remote_id: str) -> bool:
    try:
        patiently(lambda: get(remote_id))
    except errors.NotFound as error:
        return error.proves_absence
    return False


def bury_absent(gone: Sequence[Absent]) -> int:
    """Bury contacts that are proved to be gone, and say how many.

    One that was given another remote contact since it was asked for isn't meant.
    Call it inside a transaction.
    """
    proved = dict(gone)
    standing = Contact.untracked.select_for_update().filter(pk__in=proved)
    linked = standing.values_list("pk", "remote_id")
    pks = [pk for pk, remote_id in linked if remote_id == proved[pk]]
    bury(pks)
    return len(pks)


def bury(pks: Sequence[int]) -> None:
    """Delete contacts that Resend deleted; their opt-outs are remembered.

    Call it inside a transaction.
    """
    now = timezone.now()
    contacts = Contact.untracked.filter(pk__in=pks)
    # Locked before it is read: an opt-out that is being saved here is remembered too.
    found = list(contacts.select_for_update())
    opt_outs = TopicSubscription.opt_outs(pks, using=Contact.untracked.db)
    Tombstone.objects.bulk_create(
        Tombstone(
            kind=Kind.CONTACT,
            object_id=contact.pk,
            remote_id=contact.remote_id or "",
            email=contact.email,
            email_key=contact.email_key,
            origin=Tombstone.Origin.REMOTE,
            unsubscribed=contact.unsubscribed,
            topic_opt_outs=opt_outs.get(contact.pk, []),
            deleted_at=now,
            settled_at=now,
        )
        for contact in found
    )
    OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id__in=pks).delete()
    # One that moved here before had replaced another remote contact, which is still to go.
    replaced = Tombstone.objects.filter(
        kind=Kind.CONTACT, object_id__in=pks, settled_at=None
    ).values_list("object_id", "remote_id")
    OutboxEntry.objects.record_deletions(Kind.CONTACT, dict(replaced))
    announce_deleted(found)
    contacts.delete()
