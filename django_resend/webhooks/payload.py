"""The body of a verified webhook, as something that every database can keep."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..client.legible import read_json
from ..client.rows import moment
from .signature import BadSignature

MAX_DEPTH = 20
"""Levels of nesting; Resend's events have four. MariaDB keeps no JSON deeper than 32."""


def read_payload(body: bytes) -> dict[str, Any]:
    """The event as JSON. Raises ``BadSignature`` where it is none."""
    try:
        payload = read_json(body, strict=True)
    except ValueError as error:
        raise BadSignature("The body is no JSON.") from error
    is_event = isinstance(payload, dict) and isinstance(payload.get("type"), str)
    if not is_event or _is_deeper(payload, MAX_DEPTH):
        raise BadSignature("The body is no event.")
    event: dict[str, Any] = payload
    return event


def happened_at(payload: dict[str, Any]) -> datetime | None:
    """Resend's time of what an event tells: of the object's change, else of the event."""
    data = payload.get("data")
    changed_at = data.get("updated_at") if isinstance(data, dict) else None
    return moment(changed_at) or moment(payload.get("created_at"))


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return not levels or any(_is_deeper(item, levels - 1) for item in value)
