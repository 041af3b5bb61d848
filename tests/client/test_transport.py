"""How calls reach Resend: one socket, one key, one try, and an honest word when they don't."""

from __future__ import annotations

import io
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import MaxRetryError, SSLError

from django_resend import __version__
from django_resend.client import Client, Reply, errors
from tests.client.canned import BASE_URL, answer, answering, client_of
from tests.client.wire import Wire, hang_up, reset, say, silence

ROW = b'{"id": "c1", "email": "ada@example.org"}'


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_many_calls_share_one_socket(wire: Wire) -> None:
    wire.then = say(ROW)
    with Client("re_test", base_url=wire.url) as client:
        for _ in range(50):
            client.contacts.get("c1")
            client.contacts.update("c1", {"first_name": "Ada"})
    assert {seen.connection for seen in wire.seen} == {1}


def test_a_refusal_keeps_the_socket(wire: Wire) -> None:
    wire.then = say(b'{"name": "not_found"}', 404)
    with Client("re_test", base_url=wire.url) as client:
        for _ in range(5):
            assert client.contacts.delete("c1") is False
    assert {seen.connection for seen in wire.seen} == {1}


def test_threads_open_no_more_sockets_than_the_pool_holds(wire: Wire) -> None:
    wire.then = say(ROW)
    with Client("re_test", base_url=wire.url, pool_size=2) as client:

        def read() -> None:
            for _ in range(20):
                client.contacts.get("c1")

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.calls == 160
    assert len({seen.connection for seen in wire.seen}) <= 2


def test_each_request_names_the_app_and_asks_for_json(wire: Wire) -> None:
    wire.then = say(ROW)
    with Client("re_test", base_url=wire.url) as client:
        client.contacts.get("c1")
    headers = wire.seen[0].headers
    assert headers["user-agent"].startswith(f"django-resend/{__version__} python-requests/")
    assert headers["accept"] == "application/json"
    assert headers["authorization"] == "Bearer re_test"
    assert "content-type" not in headers


def test_a_site_may_add_its_name_to_the_user_agent() -> None:
    client = Client("re_test", user_agent="example-site/2.0")
    assert client.session.headers["User-Agent"] == f"django-resend/{__version__} example-site/2.0"
    with pytest.raises(ValueError, match="User-Agent"):
        Client("re_test", user_agent="x\r\nAuthorization: none")


def test_a_netrc_file_does_not_replace_the_key(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    wire.then = say(ROW)
    with Client("re_test", base_url=wire.url) as client:
        client.contacts.get("c1")
    assert wire.seen[0].headers["authorization"] == "Bearer re_test"


def test_two_clients_with_two_keys_never_mix(wire: Wire) -> None:
    wire.then = say(ROW)
    keys = ["re_first", "re_second"]
    clients = {key: Client(key, base_url=wire.url, pool_size=2) for key in keys}
    start = threading.Barrier(4)

    def read(key: str) -> None:
        start.wait()
        for _ in range(50):
            clients[key].contacts.get(key)

    threads = [threading.Thread(target=read, args=(key,)) for key in keys * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients.values():
        client.close()
    pairs = {(seen.line.split()[1], seen.headers["authorization"]) for seen in wire.seen}
    assert pairs == {(f"/contacts/{key}", f"Bearer {key}") for key in keys}
    assert len(wire.seen) == 200


def test_a_refused_connection_means_nothing_was_sent() -> None:
    with (
        Client("re_test", base_url=f"http://127.0.0.1:{closed_port()}") as client,
        pytest.raises(errors.Unreachable, match=r"nothing was sent.*refused") as caught,
    ):
        client.contacts.create(email="ada@example.org", unsubscribed=True)
    assert caught.value.verdict == "retry"
    assert not caught.value.ambiguous
    assert client.calls == 0


def test_an_outage_puts_no_address_into_any_log(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.INFO),
        Client("re_test", base_url=f"http://127.0.0.1:{closed_port()}") as client,
        pytest.raises(errors.Unreachable),
    ):
        client.contacts.get("ada@example.org")
    assert caplog.messages == []


def test_a_call_goes_through_when_the_second_connection_succeeds(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = socket.socket.connect
    tries: list[object] = []

    def refuse_once(self: socket.socket, address: tuple[str, int]) -> None:
        tries.append(address)
        if len(tries) == 1:
            raise ConnectionRefusedError(111, "Connection refused")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse_once)
    wire.then = say(b'{"id": "i1"}', 201)
    with Client("re_test", base_url=wire.url) as client:
        id = client.imports.create(
            io.BytesIO(b"email\n"), filename="a.csv", column_map=None, on_conflict="skip"
        )
    assert (id, len(tries), len(wire.seen)) == ("i1", 2, 1)


def test_a_host_that_does_not_resolve_means_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []

    def unknown(*args: object, **_: object) -> object:
        tries.append(args)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        Client("re_test", base_url="http://resend.invalid") as client,
        pytest.raises(errors.Unreachable, match="Name or service not known"),
    ):
        client.contacts.get("c1")
    assert len(tries) == 3


@pytest.mark.parametrize(
    "fault",
    [
        requests.ConnectTimeout,
        requests.exceptions.ProxyError,
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
    ],
)
def test_faults_before_sending_mean_nothing_was_sent(fault: type[Exception]) -> None:
    def fail(_: requests.PreparedRequest) -> urllib3.HTTPResponse:
        raise fault("no")

    client, _ = client_of(fail)
    with pytest.raises(errors.Unreachable):
        client.contacts.get("c1")


def test_a_certificate_that_is_not_trusted_means_nothing_was_sent() -> None:
    def fail(_: requests.PreparedRequest) -> urllib3.HTTPResponse:
        cause = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed")
        pool = urllib3.HTTPConnectionPool("canned")
        raise requests.exceptions.SSLError(MaxRetryError(pool, "/contacts/c1", SSLError(cause)))

    client, _ = client_of(fail)
    with pytest.raises(errors.Unreachable, match="certificate verify failed"):
        client.contacts.get("c1")


@pytest.mark.parametrize(
    "fault",
    [
        requests.ReadTimeout,
        requests.ConnectionError,
        requests.exceptions.SSLError,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.InvalidHeader,
        OSError,
        ConnectionResetError,
    ],
)
def test_a_fault_that_may_have_come_later_is_an_answer_lost(fault: type[Exception]) -> None:
    def fail(_: requests.PreparedRequest) -> urllib3.HTTPResponse:
        raise fault("no")

    client, _ = client_of(fail)
    with pytest.raises(errors.AnswerLost):
        client.contacts.get("c1")


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "how", ["hang up", "reset", "silence", "break off", "two lengths", "noise"]
)
def test_a_call_whose_answer_is_lost_is_ambiguous_and_not_repeated(
    wire: Wire, method: str, how: str
) -> None:
    acts = {
        "hang up": hang_up,
        "reset": reset,
        "silence": silence(wire),
        "break off": say(b'{"id": ', promised=100),
        "two lengths": say(ROW, 200, "Content-Length: 3"),
        "noise": lambda connection: bool(connection.sendall(b"SSH-2.0-hello\r\n\r\n")),
    }
    wire.then = acts[how]
    with Client("re_test", base_url=wire.url, timeout=(1.0, 0.2)) as client:
        calls: dict[str, Callable[[], object]] = {
            "GET": lambda: client.contacts.get("c1"),
            "POST": lambda: client.contacts.create(email="a@example.org", unsubscribed=True),
            "PATCH": lambda: client.contacts.update("c1", {"unsubscribed": True}),
            "DELETE": lambda: client.contacts.delete("c1"),
        }
        with pytest.raises(errors.AnswerLost) as caught:
            calls[method]()
        assert client.calls == 1
    assert caught.value.verdict == "retry"
    assert caught.value.ambiguous
    assert caught.value.method == method
    assert len(wire.seen) == 1


def test_the_next_call_after_a_lost_answer_has_a_socket_of_its_own(wire: Wire) -> None:
    wire.then = say(ROW)
    wire.script.extend([say(ROW), say(b"{", promised=9)])
    with Client("re_test", base_url=wire.url) as client:
        client.contacts.get("c1")
        with pytest.raises(errors.AnswerLost):
            client.contacts.get("c1")
        assert client.contacts.get("c1").id == "c1"
    assert [seen.connection for seen in wire.seen] == [1, 1, 2]


def test_an_idle_socket_that_the_server_closed_is_replaced(wire: Wire) -> None:
    def answer_and_close(connection: socket.socket) -> bool:
        say(ROW)(connection)
        return False

    wire.then = answer_and_close
    with Client("re_test", base_url=wire.url) as client:
        for _ in range(3):
            client.contacts.get("c1")
            assert wire.closed.acquire(timeout=5)
    assert [seen.connection for seen in wire.seen] == [1, 2, 3]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_the_adapter_neither_repeats_nor_waits_for_retry_after(wire: Wire, status: int) -> None:
    wire.then = say(b"{}", status, "Retry-After: 60")
    started = time.monotonic()
    with Client("re_test", base_url=wire.url) as client:
        with pytest.raises(errors.ResendError) as caught:
            client.contacts.get("c1")
        with pytest.raises(errors.ResendError):
            client.contacts.create(email="a@example.org", unsubscribed=True)
    assert time.monotonic() - started < 30
    assert caught.value.retry_after == 60.0
    assert len(wire.seen) == 2


def test_a_redirect_is_not_followed(wire: Wire) -> None:
    wire.then = say(b"", 307, f"Location: {wire.url}/elsewhere")
    with Client("re_test", base_url=wire.url) as client, pytest.raises(errors.BadAnswer):
        client.contacts.get("c1")
    assert len(wire.seen) == 1


def test_the_ledger_counts_by_route_pattern() -> None:
    client, _ = client_of(lambda _: answer(200, {"id": "x", "email": "a@example.org"}))
    client.contacts.get("ada@example.org")
    client.contacts.get("bob@example.org")
    client.contacts.add_segment("ada@example.org", "s1")
    client.segments.delete("s1")
    assert client.ledger == {
        "GET /contacts/{contact}": 2,
        "POST /contacts/{contact}/segments/{segment}": 1,
        "DELETE /segments/{segment}": 1,
    }
    assert client.calls == 4


def test_each_call_is_logged_without_address_or_key(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "django_resend.client"):
        client, _ = answering(404, {"name": "not_found", "message": "ada@example.org not found"})
        client.contacts.delete("ada@example.org")
        with pytest.raises(errors.NotFound):
            client.contacts.page(after="ada@example.org")
    assert [record.name for record in caplog.records] == ["django_resend.client"] * 2
    assert caplog.messages[0].startswith("DELETE /contacts/{contact}: 404, ")
    assert caplog.messages[0].endswith(" ms")
    assert "ada" not in caplog.text


@given(st.floats() | st.complex_numbers() | st.binary())
def test_what_json_cannot_say_is_refused_before_sending(value: object) -> None:
    client, canned = answering(200, {"id": "c1"})
    finite = isinstance(value, float) and abs(value) < float("inf")
    try:
        client.contacts.update("c1", {"properties": {"seats": value}})
    except (TypeError, ValueError):
        assert not finite
        assert canned.requests == []
    else:
        assert finite


def test_a_client_says_where_it_calls_but_not_with_which_key() -> None:
    with Client("re_quiet_key", base_url=BASE_URL) as client:
        assert repr(client) == f"<Client of {BASE_URL}>"


def test_the_latency_is_that_of_late_without_the_wait_for_the_throttle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, took = 0.0, 0.04

    class Slow:
        def wait(self) -> None:
            nonlocal now
            now += 100

        def learn(self, reply: Reply) -> None:
            pass

    def answered(request: requests.PreparedRequest) -> urllib3.HTTPResponse:
        nonlocal now
        now += took
        return answer(body={})

    client, _ = client_of(answered, throttle=Slow())
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: now)
        assert client.latency == 0
        client.contacts.add_segment("c1", "s1")
        assert client.latency == pytest.approx(0.04)
        took = 0.2
        for _ in range(60):
            client.contacts.add_segment("c1", "s1")

    assert client.latency == pytest.approx(0.2, rel=0.01)
