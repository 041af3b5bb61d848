"""Turns a route pattern and its parts into a path."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote


def encode(part: str) -> str:
    """Percent-encode one whole path part.

    Raises ValueError for "", "." and "..", which would make another route of it, and TypeError for
    anything but text.
    """
    if not isinstance(part, str):
        raise TypeError(f"a path part must be text, not {type(part).__name__}")
    if part in ("", ".", ".."):
        raise ValueError(f"{part!r} cannot be part of a path")
    return quote(part, safe="")


def fill(route: str, parts: Mapping[str, str]) -> str:
    """Return the path for a pattern such as "/contacts/{contact}" and its parts by name."""
    return route.format_map({name: encode(part) for name, part in parts.items()})
