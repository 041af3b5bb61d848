"""Reading HTTP/1.1 requests from a socket."""

from __future__ import annotations

import socket
from dataclasses import dataclass

_CHUNK = 65_536
_LONGEST_HEAD = 65_536


class BadRequest(Exception):
    """What came is not HTTP/1.1."""


@dataclass(slots=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class Reader:
    """The requests of one connection, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def next_request(self) -> Request | None:
        """The next request, or None when the other side has closed; raises BadRequest."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        try:
            method, target, version = first.split(" ")
        except ValueError:
            raise BadRequest from None
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self._body(headers)
        keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return Request(method, target, headers, body, keep_alive)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = headers.get("content-length", "0")
        if not length.isdigit():
            raise BadRequest
        return self._exactly(int(length)) if length != "0" else b""

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            line = self._until(b"\r\n")
            try:
                size = int((line or b"").split(b";")[0], 16)
            except ValueError:
                raise BadRequest from None
            if size == 0:
                while self._until(b"\r\n"):
                    pass
                return bytes(body)
            body += self._exactly(size)
            self._exactly(2)

    def _until(self, mark: bytes) -> bytes | None:
        """Up to the mark, which is swallowed; None when the other side closes before it."""
        while (end := self._buffer.find(mark)) < 0:
            if len(self._buffer) > _LONGEST_HEAD:
                raise BadRequest
            if not self._receive():
                return None
        taken = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        return taken

    def _exactly(self, length: int) -> bytes:
        while len(self._buffer) < length:
            if not self._receive():
                raise BadRequest
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _receive(self) -> bool:
        data = self._connection.recv(_CHUNK)
        self._buffer += data
        return bool(data)
