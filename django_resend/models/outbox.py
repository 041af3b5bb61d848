"""The outbox: which objects changed here and are not yet confirmed at Resend."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..conf import resend_settings
from ..signals import outbox_changed
from .insertion import insert_values


class Kind(models.TextChoices):
    """What an entry, a tombstone or a plan line is about."""

    PROPERTY = "property", _("contact property")
    SEGMENT = "segment", _("segment")
    TOPIC = "topic", _("topic")
    CONTACT = "contact", _("contact")


RANKS: Mapping[Kind, int] = {Kind.PROPERTY: 10, Kind.SEGMENT: 20, Kind.TOPIC: 30, Kind.CONTACT: 40}
"""Definitions are pushed before the contacts that use them."""

DELETION_RANKS: Mapping[Kind, int] = {
    Kind.CONTACT: 40,
    Kind.PROPERTY: 50,
    Kind.SEGMENT: 50,
    Kind.TOPIC: 50,
}


RENEWED = (
    "rank",
    "remote_id",
    "token",
    "state",
    "changed_at",
    "attempts",
    "next_attempt_at",
    "error_status",
    "error_name",
    "error_message",
)
"""What a new change of an object that has an entry writes anew: not the lease."""

INSERTED = ("kind", "object_id", *RENEWED)

Row = tuple[object, ...]
"""The values of the fields in ``INSERTED``."""


def _row(kind: Kind, pk: int, rank: int, now: datetime, remote_id: str = "") -> Row:
    state = OutboxEntry.State.PENDING
    return (kind, pk, rank, remote_id, uuid.uuid4(), state, now, 0, now, None, "", "")


class OutboxManager(models.Manager["OutboxEntry"]):
    def record(self, kind: Kind, object_ids: Iterable[int], *, using: str | None = None) -> None:
        """Note that these objects changed; one entry an object, however often it changes.

        Call it in the transaction that changes them. An entry that was refused or is waiting to
        be tried again becomes due at once. Sends ``outbox_changed`` after the commit.
        """
        now = timezone.now()
        self._upsert([_row(kind, pk, RANKS[kind], now) for pk in object_ids], using=using)

    def record_deletions(
        self, kind: Kind, remote_ids: Mapping[int, str], *, using: str | None = None
    ) -> None:
        """Note that these objects (local key to Resend's id) are to be deleted at Resend."""
        now = timezone.now()
        rank = DELETION_RANKS[kind]
        rows = [_row(kind, pk, rank, now, remote_id) for pk, remote_id in remote_ids.items()]
        self._upsert(rows, using=using)

    def ensure(self, kind: Kind, object_ids: Iterable[int], *, using: str | None = None) -> None:
        """See that these objects have an entry; one that is there stays as it is."""
        if not resend_settings.may_push:
            return
        now = timezone.now()
        rows = [_row(kind, pk, RANKS[kind], now) for pk in object_ids]
        if rows:
            alias = using or router.db_for_write(self.model)
            insert_values(self.model, INSERTED, rows, using=alias)
            _announce_on_commit(alias)

    def make_due(self, entries: models.QuerySet[OutboxEntry]) -> int:
        """Have these entries tried at the next push; what Resend said last stays until then.

        Sends ``outbox_changed`` after the commit; returns how many they are.
        """
        due = entries.update(
            state=OutboxEntry.State.PENDING, attempts=0, next_attempt_at=timezone.now()
        )
        if due:
            _announce_on_commit(entries.db)
        return due

    def _upsert(self, rows: Sequence[Row], *, using: str | None) -> None:
        if not resend_settings.may_push or not rows:
            return
        alias = using or router.db_for_write(self.model)
        unique = ("kind", "object_id")
        insert_values(self.model, INSERTED, rows, using=alias, update=RENEWED, unique=unique)
        _announce_on_commit(alias)


class OutboxEntry(models.Model):
    """One local change that Resend has not confirmed: that an object changed, not how.

    ``token`` changes with every new local change; whoever pushed the object removes the entry
    only if the token is still the one it started from.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        REFUSED = "refused", _("refused")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    object_id = models.BigIntegerField(_("object"))
    rank = models.PositiveSmallIntegerField(editable=False)
    remote_id = models.CharField(
        _("to delete at Resend"), max_length=320, blank=True, default="", editable=False
    )
    token = models.UUIDField(default=uuid.uuid4, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.PENDING)
    changed_at = models.DateTimeField(_("changed at"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"))
    leased_until = models.DateTimeField(null=True, editable=False)
    lease = models.UUIDField(null=True, editable=False)
    error_status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    error_name = models.CharField(_("error"), max_length=100, blank=True, default="")
    error_message = models.TextField(_("message"), blank=True, default="")

    objects: ClassVar[OutboxManager] = OutboxManager()

    class Meta:
        verbose_name = _("outbox entry")
        verbose_name_plural = _("outbox")
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id"], name="resend_outbox_once"),
        ]
        indexes = [
            models.Index(fields=["state", "rank", "id"], name="resend_outbox_order"),
            models.Index(fields=["lease"], name="resend_outbox_lease"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.object_id}"

    @property
    def is_deletion(self) -> bool:
        return bool(self.remote_id)


_uncommitted = threading.local()


def _announce_on_commit(alias: str) -> None:
    """However many entries a transaction writes, it is announced once."""
    aliases: set[str] = _uncommitted.__dict__.setdefault("aliases", set())
    aliases.add(alias)

    def announce() -> None:
        if alias in aliases:
            aliases.discard(alias)
            outbox_changed.send(sender=OutboxEntry, using=alias)

    transaction.on_commit(announce, using=alias, robust=True)
