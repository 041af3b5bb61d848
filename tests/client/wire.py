"""A loopback server that does what it is told, also what no sound HTTP server would do."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Act = Callable[[socket.socket], bool]
"""Answers one request on its connection; True keeps the connection open."""


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; the body is only measured."""

    connection: int
    line: str
    headers: dict[str, str]
    body_bytes: int


class Wire(socketserver.ThreadingTCPServer):
    """Carries out `script` act by act, then `then` for every further request."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.seen: list[Seen] = []
        self.script: deque[Act] = deque()
        self.then: Act = say(b"{}")
        self.over = threading.Event()
        self.closed = threading.Semaphore(0)
        self._connections = 0

    @property
    def url(self) -> str:
        """The address to give to a client."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_connection(self) -> int:
        """Number the connections from one."""
        self._connections += 1
        return self._connections

    def process_request(self, request: object, client_address: object) -> None:
        """Number the connection in the accepting thread, then serve it in its own."""
        self.next_connection()
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: object) -> None:
        """Close a connection, and let a test wait for that."""
        super().shutdown_request(request)  # type: ignore[arg-type]
        self.closed.release()


class Conversation(socketserver.StreamRequestHandler):
    """One connection."""

    server: Wire

    def handle(self) -> None:
        """Read requests and act until the script or the client ends the connection."""
        number = self.server._connections
        while line := self._line():
            headers = dict(self._headers())
            length = int(headers.get("content-length", 0))
            left = length
            while left and (chunk := self.rfile.read(min(65536, left))):
                left -= len(chunk)
            self.server.seen.append(Seen(number, line, headers, length - left))
            act = self.server.script.popleft() if self.server.script else self.server.then
            if not act(self.connection):
                return

    def _line(self) -> str:
        try:
            return self.rfile.readline().decode().strip()
        except ConnectionError:
            return ""

    def _headers(self) -> Iterator[tuple[str, str]]:
        while line := self._line():
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()


def say(body: bytes, status: int = 200, *headers: str, promised: int | None = None) -> Act:
    """Answer; with `promised` more bytes than the body has, then break off."""

    def act(connection: socket.socket) -> bool:
        length = len(body) if promised is None else promised
        head = [f"HTTP/1.1 {status} Any", f"Content-Length: {length}", *headers, "", ""]
        connection.sendall("\r\n".join(head).encode() + body)
        return promised is None

    return act


def flood(length: int, status: int = 200, *headers: str) -> Act:
    """Answer with `length` spaces, made while they are sent."""

    def act(connection: socket.socket) -> bool:
        say(b"", status, *headers, promised=length)(connection)
        chunk = b" " * 65536
        try:
            for _ in range(length // len(chunk)):
                connection.sendall(chunk)
        except ConnectionError:
            return False
        return True

    return act


def hang_up(connection: socket.socket) -> bool:
    """Close without a word."""
    return False


def reset(connection: socket.socket) -> bool:
    """Close with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


@contextmanager
def serving() -> Iterator[Wire]:
    """Run a Wire in its own thread."""
    with Wire() as wire:
        thread = threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield wire
        finally:
            wire.over.set()
            wire.shutdown()
            thread.join()


def silence(wire: Wire) -> Act:
    """Never answer, until the test is over."""

    def act(connection: socket.socket) -> bool:
        wire.over.wait()
        return False

    return act
