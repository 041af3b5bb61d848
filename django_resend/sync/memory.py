"""The memory of addresses: deletions under way, and opt-outs that outlived their contact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Max, Q

from ..models import ConsentRecord, ImportEntry, Kind, Tombstone

GLOBAL = ""
"""Stands for the global subscription where topics are named by Resend's id."""


class Memory:
    """What the tombstones and open imports tell of some remote ids and addresses (by key).

    An explicit opt-in that came after the tombstone ends the memory of that opt-out. At most five
    queries.
    """

    def __init__(
        self, remote_ids: Sequence[str], keys: Iterable[str], *, since: datetime | None = None
    ) -> None:
        self._since = since
        self._leaving: set[str] = set()
        self._spoken_for: set[str] = set()
        self._opted_out: dict[str, dict[str, datetime]] = {}
        wanted = {key for key in keys if key}
        if remote_ids or wanted:
            self._read(remote_ids, wanted)
        if self._opted_out:
            self._forget_later_opt_ins()

    def is_being_deleted(self, remote_id: str) -> bool:
        """Whether its deletion is under way, or was until ``since``: then rows may be older."""
        return remote_id in self._leaving

    def is_spoken_for(self, key: str) -> bool:
        """Whether whom Resend has at this address is ours, being deleted or created, by a push that
        doesn't know Resend's id yet.
        """
        return key in self._spoken_for

    def remembers(self, key: str) -> bool:
        """Whether this address had opted out of anything."""
        return bool(self._opted_out.get(key))

    def unsubscribed(self, key: str) -> bool:
        """Whether this address had unsubscribed."""
        return GLOBAL in self._opted_out.get(key, {})

    def topics(self, key: str) -> list[str]:
        """The topics, by Resend's id, that this address had opted out of."""
        return [topic for topic in self._opted_out.get(key, {}) if topic != GLOBAL]

    def _read(self, remote_ids: Sequence[str], keys: set[str]) -> None:
        # Most sites have none of either, and asking for a thousand addresses takes long.
        tombstones = Tombstone.objects.filter(kind=Kind.CONTACT)
        if tombstones.exists():
            found = tombstones.filter(Q(remote_id__in=remote_ids) | Q(email_key__in=keys))
            for tombstone in found.order_by("deleted_at"):
                self._take(tombstone, keys)
        if ImportEntry.objects.exists():
            being_imported = ImportEntry.objects.filter(email_key__in=keys)
            self._spoken_for.update(being_imported.values_list("email_key", flat=True))

    def _take(self, tombstone: Tombstone, keys: set[str]) -> None:
        if not tombstone.settled_before(self._since):
            self._leaving.add(tombstone.remote_id)
            if not tombstone.remote_id:
                self._spoken_for.add(tombstone.email_key)
        if tombstone.email_key in keys:
            topics = [*([GLOBAL] if tombstone.unsubscribed else []), *tombstone.topic_opt_outs]
            if topics:
                opted_out = self._opted_out.setdefault(tombstone.email_key, {})
                opted_out.update(dict.fromkeys(topics, tombstone.deleted_at))

    def _forget_later_opt_ins(self) -> None:
        records = ConsentRecord.objects.filter(email_key__in=self._opted_out)
        # A topic that wasn't at Resend yet had no id there; that is not the global subscription.
        records = records.exclude(topic_id__isnull=False, topic_remote_id="")
        latest = records.order_by().values_list("email_key", "topic_remote_id")
        for key, topic, recorded_at in latest.annotate(Max("recorded_at")):
            remembered = self._opted_out[key]
            if topic in remembered and recorded_at >= remembered[topic]:
                del remembered[topic]
