"""A `requests` transport that calls the fake directly."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.response import HTTPResponse

from .server import Handle


class FakeAdapter(BaseAdapter):
    """No socket, no waiting: a timeout or a slow answer raises ReadTimeout at once."""

    def __init__(self, handle: Handle) -> None:
        super().__init__()
        self._handle = handle

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The fake's answer; raises ReadTimeout or ConnectionError for lost ones."""
        address = urlsplit(request.url or "")
        target = str(address.path or "/") + (f"?{address.query!s}" if address.query else "")
        reply = self._handle(
            request.method or "GET", target, _headers(request), _body(request.body)
        )
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        late = patience is not None and reply.delay > patience
        if reply.lost == "timeout" or late:
            raise requests.ReadTimeout("No answer from the fake.", request=request)
        if reply.lost:
            raise requests.ConnectionError("The fake closed the connection.", request=request)
        response = requests.Response()
        response.status_code = reply.status
        response.headers = CaseInsensitiveDict(reply.headers)
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        response.raw = HTTPResponse(
            io.BytesIO(reply.body),
            headers=reply.headers,
            status=reply.status,
            preload_content=False,
        )
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is held open."""


def _headers(request: requests.PreparedRequest) -> dict[str, str]:
    return {name: _text(value) for name, value in request.headers.items()}


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b"".join(body)
