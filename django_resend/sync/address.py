"""Where this site's webhook is."""

from __future__ import annotations

from urllib.parse import urljoin

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.urls import NoReverseMatch, reverse

from ..conf import resend_settings


def own_path() -> str | None:
    """The path of the webhook, ``None`` where the site's URLs don't include it."""
    try:
        return reverse("django_resend:webhook")
    except (NoReverseMatch, ImproperlyConfigured):
        return None


def own_url() -> str | None:
    """The webhook's public address, from the settings or Django's sites; ``None`` if neither tells.

    Raises ``ImproperlyConfigured`` for a setting that can't be used.
    """
    if resend_settings.webhook_url:
        return resend_settings.webhook_url
    path = own_path()
    if path is None or not apps.is_installed("django.contrib.sites"):
        return None
    from django.contrib.sites.models import Site

    try:
        return urljoin(f"https://{Site.objects.get_current().domain}", path)
    except (ImproperlyConfigured, ObjectDoesNotExist):
        return None
