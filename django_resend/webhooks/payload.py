"""The body of a verified webhook, as something that every database can keep."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any, NoReturn

from ..client.rows import moment
from .signature import BadSignature

MAX_DEPTH = 20
"""Levels of nesting; Resend's events have four. MariaDB keeps no JSON deeper than 32."""


def read_payload(body: bytes) -> dict[str, Any]:
    """The event as JSON. Raises ``BadSignature`` where it is none.

    Text that PostgreSQL can't keep (null characters, halves of surrogate pairs) is replaced.
    """
    try:
        payload = json.loads(body, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadSignature("The body is no JSON.") from error
    if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
        raise BadSignature("The body is no event.")
    kept: dict[str, Any] = _storable(payload, MAX_DEPTH)
    return kept


def happened_at(payload: dict[str, Any]) -> datetime | None:
    """Resend's time of what an event tells: of the object's change, else of the event."""
    data = payload.get("data")
    changed_at = data.get("updated_at") if isinstance(data, dict) else None
    return moment(changed_at) or moment(payload.get("created_at"))


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict | list):
        if not depth:
            raise BadSignature("The body is no event.")
        if isinstance(value, list):
            return [_storable(item, depth - 1) for item in value]
        return {_text(key): _storable(item, depth - 1) for key, item in value.items()}
    return value


def _text(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number too large")
    return number
