"""What a bulk action will cost at Resend, said before it starts."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..sync.limiter import UNLIMITED, current_rate


def price(calls: int) -> str:
    """The most calls, and how long they take at the team's rate."""
    rate = current_rate()
    counted = ngettext("at most %d call to Resend", "at most %d calls to Resend", calls) % calls
    if rate >= UNLIMITED or calls / rate < 1:
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
