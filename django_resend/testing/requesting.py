"""A call as routes see it, and the checks of its parts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from .replies import bad_parameter, invalid, missing

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
)


@dataclass(slots=True)
class Call:
    """One HTTP request. Header names are lower-case, path parts are decoded."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    path: list[str] = field(init=False)
    query: dict[str, str] = field(init=False)
    params: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        path, _, query = self.target.partition("?")
        self.path = [unquote(part) for part in path.strip("/").split("/")]
        self.query = dict(parse_qsl(query, keep_blank_values=True)) if query else {}

    def json(self) -> Any:
        """The body as JSON; a call without a body says nothing, whatever its content type."""
        if not self.body.strip():
            return {}
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except ValueError:
            raise invalid("The request body is not valid JSON.") from None

    def json_object(self) -> dict[str, Any]:
        content = self.json()
        if not isinstance(content, dict):
            raise invalid("The request body must be an object.")
        return content


def _no_constant(word: str) -> None:
    raise ValueError(word)


def valid_email(text: str) -> bool:
    """Whether Resend would take the address; a little stricter than the standards."""
    local, at, domain = text.rpartition("@")
    return (
        bool(at)
        and len(local) <= 64
        and len(text) <= 254
        and _LOCAL.fullmatch(local) is not None
        and _DOMAIN.fullmatch(domain) is not None
    )


def uuid_or_refuse(text: object) -> str:
    """The id in lower case; 422 `invalid_parameter` for anything else."""
    if not isinstance(text, str) or not _UUID.fullmatch(text.lower()):
        raise bad_parameter("The `id` must be a valid UUID.")
    return text.lower()


def required_text(body: Mapping[str, Any], name: str, longest: int | None = None) -> str:
    """A text that must be there and not empty; 422 `missing_required_field` otherwise."""
    value = body.get(name)
    if value is None or value == "":
        raise missing(name)
    return _text(name, value, longest)


def optional_text(body: Mapping[str, Any], name: str, longest: int | None = None) -> str | None:
    """A text or null."""
    value = body.get(name)
    return None if value is None else _text(name, value, longest)


def boolean(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool):
        raise invalid(f"The `{name}` field must be a boolean.")
    return value


def one_of(body: Mapping[str, Any], name: str, values: tuple[str, ...]) -> str:
    value = required_text(body, name)
    if value not in values:
        raise invalid(f"The `{name}` field must be one of: {', '.join(values)}.")
    return value


def _text(name: str, value: object, longest: int | None) -> str:
    if not isinstance(value, str):
        raise invalid(f"The `{name}` field must be a string.")
    if longest is not None and len(value) > longest:
        raise invalid(f"The `{name}` field must be at most {longest} characters.")
    return value
