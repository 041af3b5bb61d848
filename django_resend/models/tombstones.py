"""Tombstones: what must be remembered of an object that is gone."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from .outbox import Kind


class Tombstone(models.Model):
    """A deleted object, or an address that a contact gave up, and the consent it had.

    While ``settled_at`` is empty the deletion isn't confirmed at Resend: a pull must not bring
    the object back. A contact's opt-outs are kept for the day its address returns.
    """

    class Origin(models.TextChoices):
        LOCAL = "local", _("here")
        REMOTE = "remote", _("at Resend")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    object_id = models.BigIntegerField(_("object"))
    remote_id = models.CharField(_("Resend id"), max_length=64, blank=True, default="")
    name = models.TextField(_("name"), blank=True, default="")
    email = models.CharField(_("address"), max_length=320, blank=True, default="")
    email_key = models.CharField(max_length=255, blank=True, default="", editable=False)
    origin = models.CharField(_("deleted"), max_length=8, choices=Origin.choices)
    unsubscribed = models.BooleanField(_("had unsubscribed"), default=False)
    topic_opt_outs = models.JSONField(_("topics opted out of"), default=list, blank=True)
    deleted_at = models.DateTimeField(_("deleted at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("tombstone")
        verbose_name_plural = _("tombstones")
        indexes = [
            models.Index(fields=["kind", "remote_id"], name="resend_tomb_remote"),
            models.Index(fields=["email_key"], name="resend_tomb_email"),
            models.Index(fields=["kind", "object_id"], name="resend_tomb_object"),
        ]

    def __str__(self) -> str:
        return self.email or self.name or f"{self.get_kind_display()} {self.remote_id}"

    def settled_before(self, moment: datetime | None) -> bool:
        """Whether the deletion was confirmed, and before this moment if one is given."""
        return self.settled_at is not None and (moment is None or self.settled_at < moment)
