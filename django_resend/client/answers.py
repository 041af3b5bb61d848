"""Reads an HTTP answer: status first, JSON second, never more than a sane size."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from django_resend.client.errors import (
    BadAnswer,
    QuotaExceeded,
    ResendError,
    UserAgentRefused,
    error_class,
)
from django_resend.client.legible import read_json
from django_resend.client.redact import presentable

# The longest documented answer, a page of 100 rows, is far below this.
MAX_BODY_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_WINDOW = re.compile(r";\s*w=(\d+)")

# The CDN's own page, which never reached the API; it is no vendor message.
_USER_AGENT_BLOCKED = re.compile(rb"error\s*(?:code)?:?\s*1010\b", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """What an answer tells about the team's rate: calls per window, and seconds to wait.

    `window` is in seconds; `name` is the vendor's, of an error.
    """

    status: int
    limit: int | None
    remaining: int | None
    reset: float | None
    retry_after: float | None
    name: str | None
    window: float = 1.0

    @property
    def is_quota(self) -> bool:
        """True when a daily or monthly quota is used up, not the rate."""
        return error_class(self.status, self.name) is QuotaExceeded


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `body` is None when it was too long to read.

    Its repr shows neither headers nor body: tools that report errors print local variables.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)

    @property
    def ok(self) -> bool:
        """True for any 2xx."""
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any] | None:
        """Return the body as a JSON object, None when it is none."""
        if self.status == 204:
            return {}
        try:
            value = read_json(self.body or b"")
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


def read_answer(response: requests.Response) -> Answer:
    """Read a streamed response.

    A failure while reading the body of an error is no matter, its status decides; in a success it
    is passed on, because the answer is then lost.
    """
    status = response.status_code
    try:
        body = _read_body(response)
    except (OSError, HTTPError):
        if status < 400:
            raise
        body = b""
    return Answer(status, response.headers, body)


def _read_body(response: requests.Response) -> bytes | None:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def reply_of(answer: Answer, now: Callable[[], float] = time.time) -> Reply:
    """Return what the headers (and the error name) tell; illegible values are None."""
    limit = _number(answer.headers.get("ratelimit-limit"))
    remaining = _number(answer.headers.get("ratelimit-remaining"))
    return Reply(
        status=answer.status,
        limit=None if limit is None else int(limit),
        remaining=None if remaining is None else int(remaining),
        reset=_number(answer.headers.get("ratelimit-reset")),
        retry_after=retry_after(answer.headers.get("retry-after"), now),
        name=None if answer.ok else _name(answer.json() or {}),
        window=_window(answer.headers.get("ratelimit-policy")),
    )


def retry_after(header: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Return the seconds that a Retry-After (seconds or HTTP date) asks to wait, if legible."""
    seconds = _number(header)
    if seconds is not None or header is None:
        return seconds
    try:
        moment = parsedate_to_datetime(header).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment - now())


def error_of(
    answer: Answer, reply: Reply, *, method: str, route: str, hide: Callable[[str], str]
) -> ResendError:
    """Return the error for an answer that is no success; `hide` takes the key out of a text."""
    told = answer.json()
    kind = error_class(answer.status, reply.name)
    if answer.status == 403 and told is None and _USER_AGENT_BLOCKED.search(answer.body or b""):
        kind = UserAgentRefused
    message = _text(told or {}, "message") or ""
    if kind is BadAnswer:
        message = "not an answer of the API, check the base URL"
    return kind(
        hide(message),
        method=method,
        route=route,
        status=answer.status,
        name=None if reply.name is None else hide(reply.name),
        retry_after=reply.retry_after,
    )


def _text(told: Mapping[str, Any], key: str) -> str | None:
    value = told.get(key)
    return value if isinstance(value, str) and value else None


def _name(told: Mapping[str, Any]) -> str | None:
    name = _text(told, "name")
    return None if name is None else presentable(name, length=100)


def _window(policy: str | None) -> float:
    """The seconds that a policy such as "10;w=1" counts calls over; one if it doesn't tell."""
    found = _WINDOW.search(policy or "")
    return float(found[1]) or 1.0 if found else 1.0


def _number(header: str | None) -> float | None:
    try:
        value = float(header or "")
    except ValueError:
        return None
    return max(0.0, value) if math.isfinite(value) else None
