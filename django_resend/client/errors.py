"""What can go wrong with a call, and whether to retry, fix or stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import ClassVar, Literal

from django_resend.client.redact import presentable

Verdict = Literal["retry", "fix", "stop"]


class ResendError(Exception):
    """A call to Resend that did not succeed.

    `verdict` says what to do: "retry" the same call later, "fix" this item (the same call would be
    refused again), or "stop" the run (no call will succeed until an operator acts).
    `ambiguous` is true when the call may have been carried out all the same.
    `route` is the pattern of the path, never the path itself, so it holds no address.
    `status`, `name` and `message` are the vendor's, where it sent them; `retry_after` is seconds.
    """

    verdict: ClassVar[Verdict] = "stop"
    ambiguous: ClassVar[bool] = False
    summary: ClassVar[str] = "The call to Resend failed"

    def __init__(
        self,
        message: str = "",
        *,
        method: str = "",
        route: str = "",
        status: int | None = None,
        name: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.message = presentable(message)
        self.method = method
        self.route = route
        self.status = status
        self.name = None if name is None else presentable(name, length=100)
        self.retry_after = retry_after
        super().__init__(self.message)

    def __str__(self) -> str:
        call = f" ({self.method} {self.route})" if self.route else ""
        verdict = " ".join(str(part) for part in (self.status, self.name) if part is not None)
        return ": ".join(part for part in (self.summary + call, verdict, self.message) if part)

    def __reduce__(self) -> tuple[Callable[[], ResendError], tuple[()]]:
        rebuild = partial(
            type(self),
            self.message,
            method=self.method,
            route=self.route,
            status=self.status,
            name=self.name,
            retry_after=self.retry_after,
        )
        return rebuild, ()


class Unreachable(ResendError):
    """No connection: nothing was sent."""

    verdict = "retry"
    summary = "Resend could not be reached, nothing was sent"


class AnswerLost(ResendError):
    """Sent, but the answer timed out or broke off."""

    verdict = "retry"
    ambiguous = True
    summary = "Resend's answer was lost, the call may have been carried out"


class ServerFault(ResendError):
    """Resend answered 5xx."""

    verdict = "retry"
    ambiguous = True
    summary = "Resend had a fault of its own, the call may have been carried out"


class BadAnswer(ResendError):
    """A success (or a redirect) whose body is not the JSON it should be."""

    verdict = "retry"
    ambiguous = True
    summary = "Resend's answer could not be understood"


class BrokenWalk(ResendError):
    """A list that cannot be walked to its end, so it proves nothing about what it lacks."""

    verdict = "retry"
    summary = "A list at Resend could not be read to its end"


class Locked(ResendError):
    """409, 408 or 425: the same call will do later."""

    verdict = "retry"
    summary = "Resend asks to try this call again later"


class RateLimited(ResendError):
    """429: too many calls in one second. `retry_after` is None when Resend did not say."""

    verdict = "retry"
    summary = "Resend's rate limit was exceeded"


class QuotaExceeded(ResendError):
    """429 for a daily or monthly quota: waiting a moment does not help."""

    summary = "The Resend team's quota is used up"


class AccessRefused(ResendError):
    """401, 403, or a call blocked for security reasons: the key or its rights are at fault."""

    summary = "Resend refused access, check the API key and its permissions"


class UserAgentRefused(AccessRefused):
    """403 with the CDN's error 1010: the User-Agent is blocked before it reaches the API."""

    summary = "Resend's CDN refused the User-Agent (error 1010)"


class MethodNotAllowed(ResendError):
    """405: this route does not know this method."""

    summary = "Resend does not offer this call"


class NotFound(ResendError):
    """404: the item is absent."""

    verdict = "fix"
    summary = "Resend does not have this item"

    @property
    def proves_absence(self) -> bool:
        """True when the API itself said so; a 404 page of a proxy in between proves nothing."""
        return self.name is not None


class Refused(ResendError):
    """Any other 4xx: the same call would be refused again."""

    verdict = "fix"
    summary = "Resend refused the request"


# Resend docs: Errors. Only pairs that mean something else than their status alone.
BY_NAME: Mapping[tuple[int, str], type[ResendError]] = MappingProxyType(
    {
        (409, "invalid_idempotent_request"): Refused,
        (429, "daily_quota_exceeded"): QuotaExceeded,
        (429, "monthly_quota_exceeded"): QuotaExceeded,
    }
)

# No source is sure of the status that comes with this name.
BLOCKED = "security_error"

BY_STATUS: Mapping[int, type[ResendError]] = MappingProxyType(
    {
        401: AccessRefused,
        403: AccessRefused,
        404: NotFound,
        405: MethodNotAllowed,
        408: Locked,
        409: Locked,
        425: Locked,
        429: RateLimited,
    }
)


def error_class(status: int, name: str | None) -> type[ResendError]:
    """Return the class for an answer with this HTTP status and the vendor's error name, if any."""
    if not 400 <= status < 600:
        return BadAnswer
    if status >= 500:
        return ServerFault
    if name == BLOCKED:
        return AccessRefused
    if name is not None and (status, name) in BY_NAME:
        return BY_NAME[status, name]
    return BY_STATUS.get(status, Refused)
