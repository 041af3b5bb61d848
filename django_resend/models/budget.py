"""The team's call budget, shared by all processes through one row."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CallBudget(models.Model):
    """The next free instant for a call to Resend, and the rate learned from its replies."""

    team = models.CharField(max_length=64, primary_key=True)
    next_free_us = models.BigIntegerField(default=0)
    rate = models.FloatField(_("calls a second"), null=True)
    learned_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("call budget")
        verbose_name_plural = _("call budgets")

    def __str__(self) -> str:
        return self.team
