"""Addresses that Resend sends nothing to, whatever their contacts say."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Suppression(models.Model):
    """What webhooks told of an address; ``suppressed_at`` is empty once it was taken back.

    Kept by address, so that it holds for a contact that comes later too. ``told_at`` is Resend's
    time of the newest word.
    """

    email = models.CharField(_("address"), max_length=320)
    email_key = models.CharField(max_length=255, unique=True, editable=False)
    origin = models.CharField(_("because of"), max_length=32, blank=True, default="")
    suppressed_at = models.DateTimeField(_("suppressed at"), null=True, blank=True)
    told_at = models.DateTimeField(_("told at"))

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        indexes = [models.Index(fields=["suppressed_at"], name="resend_suppressed")]

    def __str__(self) -> str:
        return self.email
