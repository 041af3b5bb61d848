"""Jobs: operations on many rows, stored so that they outlive the request and the process."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """One operation, worked off in batches.

    ``cursor`` says where the next batch begins; it is stored in the batch's own transaction, as
    are ``done`` (rows), ``counts`` (rows by outcome) and the results. ``lease`` is the token of
    whoever works on the job now.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")

    UNFINISHED = (State.WAITING, State.RUNNING)

    operation = models.CharField(_("operation"), max_length=64)
    rank = models.PositiveSmallIntegerField(default=0, editable=False)
    arguments = models.JSONField(_("arguments"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default="waiting")
    total = models.PositiveBigIntegerField(_("rows in all"), default=0)
    done = models.PositiveBigIntegerField(_("rows done"), default=0)
    counts = models.JSONField(_("counts"), default=dict, blank=True)
    cursor = models.JSONField(_("cursor"), default=dict, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    message = models.TextField(_("message"), blank=True, default="")
    owner = models.CharField(_("process"), max_length=255, blank=True, default="")
    lease = models.UUIDField(null=True, editable=False)
    heartbeat_at = models.DateTimeField(_("last sign of life"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "rank", "id"], name="resend_job_order"),
            models.Index(fields=["operation", "-id"], name="resend_job_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_finished(self) -> bool:
        return self.state not in self.UNFINISHED


class JobResult(models.Model):
    """What a job did with one row, where that is worth telling."""

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, related_name="results", verbose_name=_("job")
    )
    subject = models.TextField(_("subject"))
    object_id = models.BigIntegerField(_("object"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=32)
    detail = models.TextField(_("detail"), blank=True, default="")

    class Meta:
        verbose_name = _("job result")
        verbose_name_plural = _("job results")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.subject}: {self.outcome}"
