"""Reading what clients write: query strings and values without a type of their own."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime

MAX_KEY = 2**63 - 1


def is_whole_number(text: str) -> bool:
    """Whether this can be a local key or a count."""
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_KEY


def instant(text: str) -> datetime | None:
    """A moment in UTC; ``None`` when the text isn't ISO 8601 with a time zone."""
    try:
        moment = parse_datetime(text)
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
