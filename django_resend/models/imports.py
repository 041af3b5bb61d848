"""Imports of contacts at Resend that this site asked for, and the contacts in their files."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ContactImport(models.Model):
    """One CSV file for Resend, from before it is sent until its rows are read back.

    ``columns``: the fields beside the address, each with its type; ``segments`` and ``topics``
    (Resend's ids) go to all rows alike. ``verdict``: what the read back proved. ``run`` is the push
    that cares for it until ``leased_until``.
    """

    class Job(models.TextChoices):
        CREATE = "create", _("new contacts")
        OPT_IN = "opt_in", _("topics of new contacts")
        CHANGE = "change", _("changed contacts")

    class State(models.TextChoices):
        PREPARED = "prepared", _("prepared")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        SETTLING = "settling", _("being read back")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")

    OVER: ClassVar[tuple[State, ...]] = (State.DONE, State.REFUSED)

    job = models.CharField(_("what for"), max_length=8, choices=Job.choices)
    state = models.CharField(
        _("state"), max_length=8, choices=State.choices, default=State.PREPARED
    )
    remote_id = models.CharField(_("Resend id"), max_length=64, blank=True, default="")
    columns = models.JSONField(default=dict)
    segments = models.JSONField(default=list)
    topics = models.JSONField(default=dict)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    verdict = models.JSONField(default=dict)
    run = models.BigIntegerField(null=True)
    leased_until = models.DateTimeField()
    prepared_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    begun_at = models.DateTimeField(_("begun at Resend"), null=True)
    completed_at = models.DateTimeField(_("completed at Resend"), null=True)

    class Meta:
        verbose_name = _("contact import")
        verbose_name_plural = _("contact imports")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["state"], name="resend_import_state"),
            models.Index(fields=["remote_id"], name="resend_import_remote"),
        ]

    def __str__(self) -> str:
        return f"{self.get_job_display()} {self.pk}"


class ImportEntry(models.Model):
    """One contact in the file of an open import; its outbox entry is held meanwhile.

    ``token`` is that entry's when the row was written and ``sent`` the values it carries.
    ``remote_id`` is the contact's at Resend. ``fresh``: the import has made it, so far as its
    moment of creation tells.
    """

    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, related_name="entries"
    )
    contact_id = models.BigIntegerField(unique=True)
    email_key = models.CharField(max_length=255, db_index=True)
    token = models.UUIDField()
    sent = models.JSONField(default=dict)
    remote_id = models.CharField(max_length=64, blank=True, default="")
    fresh = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("row of an import")
        verbose_name_plural = _("rows of imports")

    def __str__(self) -> str:
        return f"{self.contact_import_id} / {self.contact_id}"
