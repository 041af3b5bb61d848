"""Answers without a socket: a requests adapter that gives what a function returns."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from django_resend.client import Client, Throttle

BASE_URL = "http://canned"
KEY = "re_Canned_0123456789"


class Canned(HTTPAdapter):
    """Keeps every request it is sent and answers with `answer(request)`."""

    def __init__(self, answer: Callable[[requests.PreparedRequest], urllib3.HTTPResponse]) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer without a network."""
        self.requests.append(request)
        return self.build_response(request, self.answer(request))


def answer(
    status: int = 200, body: object = None, headers: Mapping[str, str] | None = None
) -> urllib3.HTTPResponse:
    """Return an HTTP answer; `body` is bytes, or anything that becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return urllib3.HTTPResponse(
        body=BytesIO(content), status=status, headers=dict(headers or {}), preload_content=False
    )


def client_of(
    reply: Callable[[requests.PreparedRequest], urllib3.HTTPResponse],
    *,
    key: str = KEY,
    throttle: Throttle | None = None,
) -> tuple[Client, Canned]:
    """Return a client whose every call is answered by `reply`, and the adapter that does it."""
    client = Client(key, base_url=BASE_URL, throttle=throttle)
    canned = Canned(reply)
    client.session.mount(BASE_URL, canned)
    return client, canned


def answering(
    status: int = 200, body: object = None, headers: Mapping[str, str] | None = None
) -> tuple[Client, Canned]:
    """Return a client whose every call gets the same answer."""
    return client_of(lambda _: answer(status, body, headers))


def sent_json(request: requests.PreparedRequest) -> Any:
    """Return the JSON that a request carries."""
    assert request.headers["Content-Type"] == "application/json"
    return json.loads(request.body or b"")
