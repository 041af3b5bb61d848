"""The team's call budget, shared by all processes through one row."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CallBudget(models.Model):
    """The next free instant for a call to Resend, and what its replies told of the limit.

    Instants in microseconds, minutes and days count from 1970.
    """

    team = models.CharField(max_length=64, primary_key=True)
    version = models.BigIntegerField(default=0)
    next_free_us = models.BigIntegerField(default=0)
    held_until_us = models.BigIntegerField(default=0)
    limit = models.FloatField(_("the team's calls a second"), null=True)
    share = models.FloatField(default=1.0)
    slowed_us = models.BigIntegerField(default=0)
    day = models.PositiveIntegerField(default=0)
    day_calls = models.PositiveIntegerField(default=0)
    minute = models.PositiveIntegerField(default=0)
    minute_calls = models.PositiveIntegerField(default=0)
    minute_before_calls = models.PositiveIntegerField(default=0)
    paused_until = models.DateTimeField(_("no calls until"), null=True)

    class Meta:
        verbose_name = _("call budget")
        verbose_name_plural = _("call budgets")

    def __str__(self) -> str:
        return self.team
