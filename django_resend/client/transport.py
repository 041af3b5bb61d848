"""One HTTP call: encode, wait for the throttle, send, count, log, read the answer."""

from __future__ import annotations

import json
import logging
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from django_resend import __version__
from django_resend.client.answers import Answer, Reply, error_of, read_answer, reply_of
from django_resend.client.errors import AnswerLost, BadAnswer, ResendError, Unreachable
from django_resend.client.multipart import Multipart
from django_resend.client.paths import fill
from django_resend.client.redact import redact

logger = logging.getLogger("django_resend.client")

_CONNECT_TRIES = 3
_LATEST = 0.1
"""The weight of the latest call in the latency."""

_KEY = re.compile(r"[\x21-\x7e]+")
_USER_AGENT = re.compile(r"[\x20-\x7e]*")


class Throttle(Protocol):
    """Decides when a call may be made, and learns from the replies."""

    def wait(self) -> None:
        """Block until one call may be made."""

    def learn(self, reply: Reply) -> None:
        """Take note of a reply."""


class Bearer(AuthBase):
    """Puts the key on each request; shows it to nobody else.

    As the session's `auth` it also keeps a .netrc from replacing the header.
    """

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def hide(self, text: str) -> str:
        """Return `text` without the key, should Resend have echoed it."""
        return redact(text, self._key, quote(self._key, safe=""))

    def __repr__(self) -> str:
        return "Bearer([hidden])"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled")


class Transport:
    """A pooled session with one key. Safe to share between threads, not between processes."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str,
        user_agent: str | None,
        timeout: tuple[float, float],
        throttle: Throttle | None,
        pool_size: int,
    ) -> None:
        if not _KEY.fullmatch(api_key or ""):
            raise ValueError("The Resend API key must be printable ASCII without spaces.")
        if not _USER_AGENT.fullmatch(user_agent or ""):
            raise ValueError("The User-Agent must be printable ASCII.")
        address = urlsplit(base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("The base URL must start with http:// or https:// and name a host.")
        self.ledger: Counter[str] = Counter()
        self.latency = 0.0
        self._counting = threading.Lock()
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self.throttle = throttle
        self._auth = Bearer(api_key)
        self.session = _session(self._auth, user_agent, pool_size)

    @property
    def calls(self) -> int:
        """The number of requests in the ledger."""
        with self._counting:
            return self.ledger.total()

    def request(
        self,
        method: str,
        route: str,
        parts: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        upload: Multipart | None = None,
    ) -> dict[str, Any]:
        """Make one call and return the JSON object it answers.

        `route` is a pattern such as "/contacts/{contact}" and `parts` its values. Raises a
        ResendError; never repeats a call that may have reached Resend.
        """
        url = self._base_url + fill(route, parts or {})
        headers = {}
        data: bytes | Multipart | None = upload
        if upload is not None:
            headers["Content-Type"] = upload.content_type
        elif body is not None:
            data = json.dumps(body, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        if self.throttle is not None:
            self.throttle.wait()
        started = time.monotonic()
        outcome = self._exchange(method, route, url, query, data, headers)
        self._record(method, route, outcome, time.monotonic() - started)
        # Raised here, outside any except block: the library's own exceptions hold the request
        # with its key, and must not become the context of ours.
        if isinstance(outcome, ResendError):
            raise outcome
        return self._understand(method, route, outcome)

    def _exchange(
        self,
        method: str,
        route: str,
        url: str,
        query: Mapping[str, str | int] | None,
        data: bytes | Multipart | None,
        headers: Mapping[str, str],
    ) -> Answer | ResendError:
        """Try again what could not be sent, and nothing else.

        Not left to the adapter: it would log each new try as a warning, with the path and so with
        an address, and wait for a Retry-After past the throttle.
        """
        for _ in range(_CONNECT_TRIES):
            outcome = self._try(method, route, url, query, data, headers)
            if not isinstance(outcome, Unreachable):
                break
        return outcome

    def _try(
        self,
        method: str,
        route: str,
        url: str,
        query: Mapping[str, str | int] | None,
        data: bytes | Multipart | None,
        headers: Mapping[str, str],
    ) -> Answer | ResendError:
        try:
            with self.session.request(
                method,
                url,
                params=query,
                data=data,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return read_answer(response)
        except (OSError, HTTPError) as fault:
            kind = Unreachable if _nothing_was_sent(fault) else AnswerLost
            return kind(_reason(fault), method=method, route=route)

    def _record(
        self, method: str, route: str, outcome: Answer | ResendError, seconds: float
    ) -> None:
        if not isinstance(outcome, Unreachable):
            with self._counting:
                self.ledger[f"{method} {route}"] += 1
                self.latency += (seconds - self.latency) * (_LATEST if self.latency else 1.0)
        told = type(outcome).__name__ if isinstance(outcome, ResendError) else outcome.status
        logger.debug("%s %s: %s, %.0f ms", method, route, told, seconds * 1000)

    def _understand(self, method: str, route: str, answer: Answer) -> dict[str, Any]:
        reply = reply_of(answer)
        if self.throttle is not None:
            self.throttle.learn(reply)
        if not answer.ok:
            raise error_of(answer, reply, method=method, route=route, hide=self._auth.hide)
        told = answer.json()
        if told is None:
            raise BadAnswer("not a JSON object", method=method, route=route, status=answer.status)
        return told


def _session(auth: Bearer, user_agent: str | None, pool_size: int) -> requests.Session:
    session = requests.Session()
    session.auth = auth
    session.headers["Accept"] = "application/json"
    session.headers["User-Agent"] = (
        f"django-resend/{__version__} {user_agent or requests.utils.default_user_agent()}"
    )
    adapter = HTTPAdapter(
        pool_connections=1, pool_maxsize=pool_size, pool_block=True, max_retries=0
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _root(fault: BaseException) -> BaseException:
    """Return the failure that the HTTP libraries wrapped."""
    if isinstance(fault, MaxRetryError) and fault.reason is not None:
        return _root(fault.reason)
    inner = [part for part in fault.args if isinstance(part, BaseException)]
    return _root(inner[-1]) if inner else fault


def _reason(fault: BaseException) -> str:
    """Say what failed; the libraries' own messages would tell the path, and so an address."""
    root = _root(fault)
    for known in (root, root.__cause__):
        if isinstance(known, OSError) and known.strerror:
            return f"{type(root).__name__}, {known.strerror}"
    return type(root).__name__


def _nothing_was_sent(fault: BaseException) -> bool:
    """Only what is sure: a fault not known here may have come after the request."""
    before_sending = (
        requests.ConnectTimeout,
        requests.exceptions.InvalidSchema,
        requests.exceptions.InvalidURL,
        requests.exceptions.ProxyError,
    )
    return isinstance(fault, before_sending) or isinstance(
        _root(fault), NewConnectionError | ssl.SSLCertVerificationError
    )
