"""JSON as every database can keep it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

_SIGNS = (b"\\u", b"\xed", b"\0")


def read_json(body: bytes, *, strict: bool = False) -> Any:
    """Read JSON; raises ValueError where it is none, or is too deep.

    Text that databases can't keep (null characters, halves of surrogate pairs) is replaced, and
    numbers that aren't finite become null; with `strict` these raise ValueError.
    """
    odd = _refuse if strict else _forget
    try:
        value = json.loads(body, parse_constant=odd, parse_float=partial(_finite, odd))
        # Only an escape, a byte that begins a half, or another encoding can bring such text.
        return _storable(value) if any(sign in body for sign in _SIGNS) else value
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


def _finite(odd: Callable[[str], float | None], text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else odd(text)


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number} is no number")


def _forget(number: str) -> float | None:
    return None
