"""A lean HTTP/1.1 server: keep-alive, one thread per connection, one send per reply."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType

from .replies import Reply
from .wire import BadRequest, Reader

Handle = Callable[[str, str, dict[str, str], bytes], Reply]
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Server:
    """Serves `handle` on a loopback address from `start` to `stop`; a context manager."""

    def __init__(self, handle: Handle, host: str, port: int, latency: float) -> None:
        self._handle = handle
        self._latency = latency
        self._stopped = threading.Event()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        self._listener = socket.create_server((host, port), backlog=128)
        self.host, self.port = self._listener.getsockname()[:2]
        self.url = f"http://{self.host}:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close every connection; calls under way get no answer."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._thread.is_alive():
            self._thread.join()
        with self._guard:
            conversations = dict(self._open)
        for connection, thread in conversations.items():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._converse, args=(connection,), daemon=True)
            with self._guard:
                self._open[connection] = thread
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        """Answer a connection's requests until either side has had enough."""
        try:
            with connection, contextlib.suppress(OSError):
                reader = Reader(connection)
                while not self._stopped.is_set() and self._answer_one(connection, reader):
                    pass
        finally:
            with self._guard:
                del self._open[connection]

    def _answer_one(self, connection: socket.socket, reader: Reader) -> bool:
        """One request and its reply; False when the connection is to be closed."""
        try:
            request = reader.next_request()
        except BadRequest:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            return False
        if request is None:
            return False
        reply = self._handle(request.method, request.target, request.headers, request.body)
        wait = reply.delay + self._latency
        if wait:
            self._stopped.wait(wait)
        if reply.lost:
            return False
        connection.sendall(_encoded(reply, with_body=request.method != "HEAD"))
        return request.keep_alive


def _encoded(reply: Reply, *, with_body: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, '')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines.append(f"content-length: {len(reply.body)}\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1") + (reply.body if with_body else b"")
