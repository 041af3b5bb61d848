"""What a bulk action will cost at Resend, said before it starts."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..conf import resend_settings
from ..models import CallBudget

CAUTIOUS_RATE = 2.0
"""Calls a second, until the true limit is known."""


def price(calls: int) -> str:
    """The most calls, and how long they take at the team's rate."""
    rate = resend_settings.rate_limit
    if rate is None:
        rate = CallBudget.objects.values_list("rate", flat=True).first() or CAUTIOUS_RATE
    counted = ngettext("at most %d call to Resend", "at most %d calls to Resend", calls) % calls
    if not rate or calls / rate < 1:
        return counted
    return _("%(calls)s, %(time)s") % {"calls": counted, "time": _duration(calls / rate)}


def _duration(seconds: float) -> str:
    if seconds < 90:
        whole = round(seconds)
        return ngettext("about %d second", "about %d seconds", whole) % whole
    if seconds < 90 * 60:
        whole = round(seconds / 60)
        return ngettext("about %d minute", "about %d minutes", whole) % whole
    whole = round(seconds / 3600)
    return ngettext("about %d hour", "about %d hours", whole) % whole
