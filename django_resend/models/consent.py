"""The consent log, and the error that guards it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ConsentError(ValueError):
    """Raised where code would opt a person in again without the explicit call for it."""


class ConsentRecord(models.Model):
    """Who opted a person in again, when and why. It outlives the contact.

    ``topic_id`` is the local key of the topic, or null for the global subscription. A record
    permits one loosening at Resend; ``used_at`` tells when it was sent.
    """

    contact_id = models.BigIntegerField(_("contact"))
    email = models.CharField(_("address"), max_length=320)
    email_key = models.CharField(max_length=255, editable=False)
    topic_id = models.BigIntegerField(_("topic"), null=True, blank=True)
    topic_remote_id = models.CharField(max_length=64, blank=True, default="", editable=False)
    topic_name = models.CharField(_("topic name"), max_length=255, blank=True, default="")
    by = models.CharField(_("by"), max_length=255)
    reason = models.TextField(_("reason"))
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)
    used_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent log")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["contact_id", "used_at"], name="resend_consent_contact"),
            models.Index(fields=["email_key"], name="resend_consent_email"),
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.topic_name or _('all e-mail')}"
