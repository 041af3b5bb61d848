"""Sync runs: what each pull or push did, how far it came, and how it ended."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SyncRun(models.Model):
    """One pull, push or comparison.

    ``cursor`` lets the next run go on where a killed one stopped.
    """

    class Action(models.TextChoices):
        PULL = "pull", _("pull")
        PUSH = "push", _("push")
        DRIFT = "drift", _("comparison")
        WEBHOOK = "webhook", _("webhook check")

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        DONE = "done", _("done")
        PARTIAL = "partial", _("finished with refused rows")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    action = models.CharField(_("action"), max_length=8, choices=Action.choices)
    scope = models.CharField(_("stages"), max_length=100, blank=True, default="")
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.RUNNING)
    stage = models.CharField(_("stage"), max_length=32, blank=True, default="")
    cursor = models.JSONField(_("cursor"), default=dict, blank=True)
    counts = models.JSONField(_("counts"), default=dict, blank=True)
    calls = models.PositiveIntegerField(_("calls"), default=0)
    planned_calls = models.PositiveIntegerField(_("planned calls"), null=True, blank=True)
    swept_to = models.DateTimeField(null=True, editable=False)
    """When Resend made the newest contact that a complete walk over their list met."""
    swept_contacts = models.PositiveIntegerField(null=True, editable=False)
    """How many contacts that walk met."""
    message = models.TextField(_("message"), blank=True, default="")
    owner = models.CharField(_("process"), max_length=255, blank=True, default="")
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    heartbeat_at = models.DateTimeField(_("last sign of life"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")
        ordering = ["-id"]
        indexes = [models.Index(fields=["action", "-id"], name="resend_run_latest")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.started_at:%Y-%m-%d %H:%M}"
