"""System checks. Their ids are never used again for something else."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from .conf import KNOWN_KEYS, ResendSettings, resend_settings
from .sync.address import own_path
from .webhooks.signature import BadSignature, check_secret

DERIVED = ("may_push", "may_pull")
"""Properties that repeat the error of another one."""


@register()
def check_webhook(**kwargs: Any) -> list[CheckMessage]:
    try:
        secrets = resend_settings.webhook_secrets
        address = own_path()
    except ImproperlyConfigured:
        return []
    if address is not None and not secrets:
        return [
            Warning(
                f"No webhook secret is set: what Resend sends to {address} is refused.",
                hint="Run resend_webhook register and set RESEND_WEBHOOK_SECRET, or take "
                "django_resend.urls out of the site's URLs.",
                id="django_resend.W003",
            )
        ]
    messages: list[CheckMessage] = []
    for number, secret in enumerate(secrets, 1):
        try:
            # Without the value: it may be a secret with a slip in it.
            check_secret(secret)
        except BadSignature as error:
            hint = "Copy it whole: whsec_ and what follows, several with a space between."
            sentence = f"Secret {number} of RESEND['WEBHOOK_SECRET'] can't be used: {error}"
            messages.append(Error(sentence, hint=hint, id="django_resend.E003"))
    return messages


@register()
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    try:
        given = resend_settings.given
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="Write RESEND = {...}.", id="django_resend.E001")]
    messages: list[CheckMessage] = []
    for key in sorted(set(given) - KNOWN_KEYS):
        hint = f"Known keys: {', '.join(sorted(KNOWN_KEYS))}."
        messages.append(
            Warning(
                f"RESEND['{key}'] is not a setting of ours.", hint=hint, id="django_resend.W001"
            )
        )
    for name, attribute in vars(ResendSettings).items():
        if isinstance(attribute, property) and name not in DERIVED:
            try:
                getattr(resend_settings, name)
            except ImproperlyConfigured as error:
                hint = "See the settings page of the documentation."
                messages.append(Error(str(error), hint=hint, id="django_resend.E002"))
    if not messages and not resend_settings.api_key:
        messages.append(
            Warning(
                "No Resend API key is set: nothing will be pulled or pushed.",
                hint="Set RESEND_API_KEY in the environment, or RESEND['API_KEY'].",
                id="django_resend.W002",
            )
        )
    return messages
