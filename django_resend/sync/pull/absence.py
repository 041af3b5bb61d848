"""Remote deletions: proved one by one, and never so many at once that something must be wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction
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
        gone = [pk for pk, remote_id in batch if _is_gone(pull.client.contacts.get, remote_id)]
        with transaction.atomic():
            _bury(gone)
        pull.run.counts["contacts_deleted"] += len(gone)
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
    now = timezone.now()
    with transaction.atomic():
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
    if model is ContactProperty:
        for key in names.values():
            erase_values(key)
    pull.run.counts[f"{model.kind}_deleted"] += len(gone)


def _is_gone(get: Callable[[str], object], remote_id: str) -> bool:
    try:
        patiently(lambda: get(remote_id))
    except errors.NotFound as error:
        return error.proves_absence
    return False


def _bury(pks: Sequence[int]) -> None:
    """Delete contacts that Resend deleted; their opt-outs are remembered."""
    now = timezone.now()
    opt_outs = TopicSubscription.opt_outs(pks, using=Contact.untracked.db)
    contacts = Contact.untracked.filter(pk__in=pks)
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
        for contact in contacts
    )
    OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id__in=pks).delete()
    contacts.delete()
