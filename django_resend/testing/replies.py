"""What goes back over the wire, and the errors that end a call."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(slots=True)
class Reply:
    """An answer, due after `delay` seconds, or never: `lost` is then "timeout" or "drop"."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": JSON_TYPE})
    lost: str = ""
    delay: float = 0.0

    def json(self) -> Any:
        """The body as Python objects; raises ValueError when it isn't JSON."""
        return json.loads(self.body)


class ApiError(Exception):
    """A refusal in the vendor's shape: status, name, message."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(status, name, message)
        self.status = status
        self.name = name
        self.message = message

    def reply(self) -> Reply:
        return json_reply(
            {"statusCode": self.status, "message": self.message, "name": self.name}, self.status
        )


def json_reply(content: Any, status: int = 200) -> Reply:
    return Reply(status, _encode(content).encode(errors="replace"))


def invalid(message: str) -> ApiError:
    return ApiError(422, "validation_error", message)


def missing(field_name: str) -> ApiError:
    return ApiError(422, "missing_required_field", f"Missing `{field_name}` field.")


def not_found(what: str) -> ApiError:
    return ApiError(404, "not_found", f"{what} not found")


def bad_parameter(message: str) -> ApiError:
    return ApiError(422, "invalid_parameter", message)
