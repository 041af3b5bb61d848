"""Conflicts: values that both sides had changed, and how each was settled."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .outbox import Kind


class ConflictRecord(models.Model):
    """One settled conflict: both values, which side won, and why."""

    class Side(models.TextChoices):
        REMOTE = "remote", _("Resend's")
        LOCAL = "local", _("ours")

    class Reason(models.TextChoices):
        POLICY = "policy", _("the setting CONFLICTS")
        OPT_OUT = "opt_out", _("an opt-out wins where nothing proves who changed it")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    object_id = models.BigIntegerField(_("object"))
    field = models.CharField(_("field"), max_length=255)
    local_value = models.JSONField(_("our value"), null=True)
    remote_value = models.JSONField(_("Resend's value"), null=True)
    winner = models.CharField(_("kept"), max_length=8, choices=Side.choices)
    reason = models.CharField(_("because of"), max_length=8, choices=Reason.choices)
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        ordering = ["-id"]
        indexes = [models.Index(fields=["kind", "object_id"], name="resend_conflict_object")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.object_id}: {self.field}"
