"""Reading what clients write: query strings, and JSON without a type of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

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


def storable(value: object) -> bool:
    """Whether every database takes this text inside JSON; PostgreSQL refuses null characters."""
    return not (isinstance(value, str) and "\x00" in value)


class PortableJSONParser(JSONParser):
    """JSON that databases can store and answers can repeat: no infinities, no half characters."""

    strict = True

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
            json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError) as error:
            raise ParseError(
                _("The JSON holds infinite numbers, lone surrogates or too many levels.")
            ) from error
        return data
