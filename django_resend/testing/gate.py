"""What a call must pass before it reaches a route: the CDN, the key."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .quirks import Quirks
from .replies import ApiError, Reply

SENDING_KEY = "re_sending"


def blocked_by_cdn(headers: Mapping[str, str]) -> Reply | None:
    """The CDN's plain-text refusal of a missing or stock User-Agent, or None.

    Source: Resend docs: Introduction; knowledge base: 403 error 1010.
    """
    agent = headers.get("user-agent", "").strip()
    if agent and not agent.lower().startswith("python-urllib/"):
        return None
    return Reply(403, b"error code: 1010", {"content-type": "text/plain; charset=UTF-8"})


def check_key(headers: Mapping[str, str], keys: Collection[str], quirks: Quirks) -> None:
    """Raise ApiError 401 or 403 unless the call bears a full-access key."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise ApiError(401, "missing_api_key", "Missing API key in the authorization header.")
    if key in keys:
        return
    if key == SENDING_KEY:
        raise ApiError(401, "restricted_api_key", "This API key is restricted to only send emails.")
    raise ApiError(403, quirks["wrong_key"], "API key is invalid.")
