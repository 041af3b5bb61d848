"""JSON as every database can keep it."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def read_json(body: bytes) -> Any:
    """Read JSON; raises ValueError where it is none, holds no finite number, or is too deep.

    Text that databases can't keep (null characters, halves of surrogate pairs) is replaced.
    """
    try:
        value = json.loads(body, parse_constant=_refuse, parse_float=_finite)
        # Only an escape, or a byte that begins a half, can bring such text.
        return _storable(value) if b"\\u" in body or b"\xed" in body else value
    except RecursionError as error:
        raise ValueError("too many levels") from error


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_text(key): _storable(item) for key, item in value.items()}
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
