"""suppression.added and suppression.removed: kept by address, for contacts to come too."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from ...client.rows import Unreadable, moment
from ...models import Suppression, email_key
from .claims import Claim, done


def apply(claims: Sequence[Claim]) -> list[Sequence[Claim]]:
    """Keep the newest word on each address. Needs no call, so nothing is left over."""
    newest: dict[str, Claim] = {}
    for claim in claims:
        email = claim.data.get("email")
        if not isinstance(email, str) or not email:
            raise Unreadable("an event without email")
        newest[email_key(email)] = claim
    with transaction.atomic():
        done(claims)
        found = Suppression.objects.select_for_update().filter(email_key__in=newest)
        known = {row.email_key: row for row in found}
        created: list[Suppression] = []
        updated: list[Suppression] = []
        for key, claim in newest.items():
            row = known.get(key) or Suppression(email_key=key)
            # Envelope first: the suppression itself may be older than its end.
            told_at = claim.sent_at or claim.event.received_at
            if row.pk and told_at <= row.told_at:
                continue
            (updated if row.pk else created).append(row)
            _tell(row, claim)
            row.told_at = told_at
        Suppression.objects.bulk_create(created)
        if updated:
            fields = ["email", "origin", "suppressed_at", "told_at"]
            Suppression.objects.bulk_update(updated, fields)
    return []


def _tell(row: Suppression, claim: Claim) -> None:
    row.email = claim.data["email"]
    origin = claim.data.get("origin")
    row.origin = origin[:32] if isinstance(origin, str) else ""
    is_over = claim.event.type == "suppression.removed"
    since = moment(claim.data.get("created_at")) or claim.sent_at or claim.event.received_at
    row.suppressed_at = None if is_over else since
