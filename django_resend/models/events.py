"""Webhook events as they came, kept until they are applied and for a while after."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class WebhookEvent(models.Model):
    """One verified event. The same ``message_id`` comes again with every redelivery."""

    class State(models.TextChoices):
        RECEIVED = "received", _("received")
        APPLIED = "applied", _("applied")
        IGNORED = "ignored", _("ignored")
        FAILED = "failed", _("failed")

    message_id = models.CharField(_("message id"), max_length=255, unique=True)
    type = models.CharField(_("type"), max_length=64)
    payload = models.JSONField(_("payload"))
    state = models.CharField(
        _("state"), max_length=8, choices=State.choices, default=State.RECEIVED
    )
    error = models.TextField(_("error"), blank=True, default="")
    happened_at = models.DateTimeField(_("happened at"), null=True, blank=True)
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "id"], name="resend_event_waiting")]

    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"
