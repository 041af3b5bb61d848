"""Proof that a webhook is Resend's and fresh: the Svix scheme, also known as Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping

TOLERANCE_SECONDS = 300
PREFIX = "whsec_"
VERSION = "v1"
MAX_ID_LENGTH = 255

HEADER_PREFIXES = ("svix-", "webhook-")


class BadSignature(Exception):
    """The request doesn't prove that it comes from Resend. The message says what is wrong."""


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[str], now: float) -> str:
    """Check id, timestamp and signature over the raw body; returns the message id.

    ``headers`` must be case-insensitive; ``now`` is in seconds since 1970. Any of the secrets
    will do. Raises ``BadSignature``, also for secrets that are none.
    """
    message_id = _header(headers, "id")
    if len(message_id) > MAX_ID_LENGTH or not (message_id.isascii() and message_id.isprintable()):
        raise BadSignature("The message id is no id.")
    timestamp = _header(headers, "timestamp")
    signatures = _header(headers, "signature")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise BadSignature("The timestamp is no number.")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature("The timestamp is too far from now.")
    given = [
        value.encode("utf-8", "replace")
        for version, _, value in (part.partition(",") for part in signatures.split())
        if version == VERSION
    ]
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    for secret in secrets:
        expected = base64.b64encode(hmac.new(key(secret), signed, hashlib.sha256).digest())
        if any(hmac.compare_digest(expected, value) for value in given):
            return message_id
    raise BadSignature("No signature fits.")


def key(secret: str) -> bytes:
    """The bytes of a ``whsec_...`` secret. Raises ``BadSignature`` for one that is none."""
    text = secret.removeprefix(PREFIX)
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSignature("The webhook secret is not base64.") from error
    if not decoded:
        raise BadSignature("The webhook secret is empty.")
    return decoded


def check_secret(secret: str) -> None:
    """Raise ``BadSignature``, with the reason, for a text that is no webhook secret."""
    if not secret.startswith(PREFIX):
        raise BadSignature(f"It doesn't begin with {PREFIX}.")
    key(secret)


def _header(headers: Mapping[str, str], name: str) -> str:
    for prefix in HEADER_PREFIXES:
        value = headers.get(prefix + name)
        if value:
            return value
    raise BadSignature(f"The header svix-{name} is missing.")
