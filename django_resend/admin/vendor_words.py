"""What an error of Resend's means for the person who reads it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from ..client import errors
from .confirm import Text

MEANINGS: Mapping[type[errors.ResendError], Text] = {
    errors.AccessRefused: _("The API key may not do this. Who runs the site must look at the key."),
    errors.NotFound: _("Resend doesn't have this any more. The next pull settles it here."),
    errors.Refused: _("Resend doesn't take one of the values. Mend it and save."),
    errors.Locked: _("Resend was busy with it. It is tried again by itself."),
    errors.RateLimited: _("Too many calls at once. It is tried again by itself."),
    errors.QuotaExceeded: _("The team's quota at Resend is used up. It waits until there is more."),
    errors.ServerFault: _("Resend had a fault. It is tried again by itself."),
}


def meaning(status: int | None, name: str) -> Text:
    """A sentence on an outbox entry's error; empty where its own words are all there is."""
    if status is None:
        return ""
    return MEANINGS.get(errors.error_class(status, name or None), "")
