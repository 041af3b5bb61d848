"""What a merge decided, where its owner will see it: conflicts, and opt-ins made at Resend."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from ..models import ConflictRecord, ConsentRecord, Contact, Topic
from ..signals import conflict_settled
from .merge import Conflict

logger = logging.getLogger("django_resend.sync")

RESEND = "Resend"


def record_conflicts(settled: Sequence[tuple[Any, Conflict]]) -> None:
    """Store how each object's conflict was settled; ``conflict_settled`` follows the commit."""
    if not settled:
        return
    records = ConflictRecord.objects.bulk_create(
        ConflictRecord(
            kind=item.kind,
            object_id=item.pk,
            field=conflict.name,
            local_value=conflict.local,
            remote_value=conflict.remote,
            winner=conflict.winner,
            reason=conflict.reason,
        )
        for item, conflict in settled
    )
    for record in records:
        logger.warning(
            "%s %s: %s was changed on both sides; the %s value was kept.",
            record.kind,
            record.object_id,
            record.field,
            record.winner,
        )
        send = partial(conflict_settled.send_robust, sender=ConflictRecord, conflict=record)
        transaction.on_commit(send)


def record_remote_opt_ins(contacts: Iterable[Contact], topic: Topic | None = None) -> None:
    """Note in the consent log that these people opted in again at Resend."""
    now = timezone.now()
    records = [
        ConsentRecord(
            contact_id=contact.pk,
            email=contact.email,
            email_key=contact.email_key,
            topic_id=topic.pk if topic else None,
            topic_remote_id=(topic.remote_id or "") if topic else "",
            topic_name=topic.name if topic else "",
            by=RESEND,
            reason="The person opted in again at Resend.",
            recorded_at=now,
            used_at=now,
        )
        for contact in contacts
    ]
    if records:
        ConsentRecord.objects.bulk_create(records)
