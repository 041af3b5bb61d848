"""Requests as the vendor's Node SDK writes them, byte by byte, over a keep-alive socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from django_resend.testing import FakeResend

HEAD = (
    "host: 127.0.0.1\r\nauthorization: Bearer re_test\r\nuser-agent: resend-node:6.38.0\r\n"
    "content-type: application/json\r\naccept: */*\r\n"
)


class Socket:
    """One connection that sends text and reads one reply each time."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, method: str, target: str, body: Any = None, head: str = HEAD) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        length = f"content-length: {len(content)}\r\n" if content else ""
        return self.raw(f"{method} {target} HTTP/1.1\r\n{head}{length}\r\n".encode() + content)

    def raw(self, request: bytes) -> Any:
        self.connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.connection.recv(65_536)
        head, _, body = received.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        while len(body) < length:
            body += self.connection.recv(65_536)
        return json.loads(body)


@pytest.fixture
def node(fake: FakeResend) -> Iterator[Socket]:
    with (
        fake.serve() as server,
        socket.create_connection((server.host, server.port)) as connection,
    ):
        yield Socket(connection)


@pytest.fixture
def ada(node: Socket) -> str:
    return str(node.send("POST", "/contacts", {"email": "ada+news@example.org"})["id"])


@pytest.mark.parametrize(
    "spelling",
    [
        "ada+news@example.org",
        "ada%2Bnews%40example.org",
        "ada%2bnews@example.org",
        "ADA+News@Example.ORG",
    ],
)
def test_addresses_in_paths_raw_or_encoded_in_any_case(
    node: Socket, ada: str, spelling: str
) -> None:
    assert node.send("GET", f"/contacts/{spelling}")["id"] == ada


def test_a_json_content_type_without_a_body_is_accepted(node: Socket, ada: str) -> None:
    segment = node.send("POST", "/segments", {"name": "VIP"})["id"]
    assert node.send("POST", f"/contacts/ada+news@example.org/segments/{segment}") == {
        "id": segment
    }
    node.send("DELETE", f"/contacts/{ada}/segments/{segment}")
    assert node.status == 200
    node.send("PATCH", f"/contacts/{ada}")
    assert node.status == 200


def test_a_get_with_an_empty_json_object_is_accepted(node: Socket, ada: str) -> None:
    assert node.send("GET", f"/contacts/{ada}", {})["id"] == ada


def test_topics_go_as_a_bare_array(node: Socket, ada: str) -> None:
    topic = node.send("POST", "/topics", {"name": "N", "default_subscription": "opt_in"})["id"]
    choice = [{"id": topic, "subscription": "opt_out"}]
    node.send("PATCH", f"/contacts/{ada}/topics", choice)
    assert node.status == 200
    listed = node.send("GET", f"/contacts/{ada}/topics")["data"]
    assert [row["subscription"] for row in listed] == ["opt_out"]


def test_form_data_streamed_in_chunks(node: Socket, fake: FakeResend) -> None:
    form = (
        b'------x\r\nContent-Disposition: form-data; name="file"; filename="c.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\nemail\r\nann@example.org\r\n\r\n"
        b'------x\r\nContent-Disposition: form-data; name="on_conflict"\r\n\r\nskip\r\n'
        b"------x--\r\n"
    )
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (form[:50], form[50:]))
    head = HEAD.replace("application/json", "multipart/form-data; boundary=----x")
    request = f"POST /contacts/imports HTTP/1.1\r\n{head}transfer-encoding: chunked\r\n\r\n"
    assert node.raw(request.encode() + chunks + b"0\r\n\r\n")["object"] == "contact_import"
    fake.clock.advance(60)
    assert node.send("GET", "/contacts/ann@example.org")["email"] == "ann@example.org"


def test_two_requests_sent_at_once_get_two_replies(node: Socket, ada: str) -> None:
    one = f"GET /contacts/{ada} HTTP/1.1\r\n{HEAD}\r\n".encode()
    assert node.raw(one)["id"] == ada
    node.connection.sendall(one + one)
    received = b""
    while received.count(b"HTTP/1.1 200") < 2 or not received.endswith(b"}}"):
        received += node.connection.recv(65_536)
    assert received.count(ada.encode()) == 2


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"hello\r\n\r\n",
        b"POST /segments HTTP/1.1\r\ncontent-length: many\r\n\r\n",
        b"POST /segments HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nmany\r\n",
        b"GET / HTTP/1.1\r\nx: ".ljust(65_537, b"x"),  # one byte more than a head may have
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(
    node: Socket, request_bytes: bytes
) -> None:
    node.connection.sendall(request_bytes)
    assert node.connection.recv(100).startswith(b"HTTP/1.1 400")
    assert node.connection.recv(100) == b""


def test_a_client_that_asks_first_may_send_its_body(node: Socket) -> None:
    body = b'{"name": "VIP"}'
    head = f"{HEAD}expect: 100-continue\r\ncontent-length: {len(body)}\r\n"
    node.connection.sendall(f"POST /segments HTTP/1.1\r\n{head}\r\n".encode())
    assert node.connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert node.raw(body)["name"] == "VIP"


def test_a_client_that_hangs_up_mid_request_harms_nobody(fake: FakeResend) -> None:
    with fake.serve() as server:
        for part in (b"POST /segm", b"POST /segments HTTP/1.1\r\ncontent-length: 9\r\n\r\n{"):
            with socket.create_connection((server.host, server.port)) as connection:
                connection.sendall(part)
        with socket.create_connection((server.host, server.port)) as connection:
            assert Socket(connection).send("GET", "/segments")["data"] == []
