"""The fake's own routes, its command line, and the pytest fixture."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from django_resend.testing import QUIRKS, FakeResend

from .caller import HEADERS, Caller


class TestControlRoutes:
    def test_need_no_key_and_are_not_counted(self, fake: FakeResend) -> None:
        reply = fake.handle("GET", "/__fake__/ledger", {})
        assert reply.json() == {
            "total": 0,
            "by_route": {},
            "rejected_429": 0,
            "busiest_second": 0,
        }
        assert fake.ledger.total == 0

    def test_state_shows_everything(self, fake: FakeResend, call: Caller) -> None:
        segment, topic = call.segment("VIP"), call.topic("News")
        call.define("plan")
        call.contact(
            "ada@example.org",
            properties={"plan": "pro"},
            segments=[{"id": segment}],
            topics=[{"id": topic, "subscription": "opt_out"}],
        )
        state = fake.handle("GET", "/__fake__/state", {}).json()
        (contact,) = state["contacts"]
        assert contact["properties"] == {"plan": "pro"}
        assert contact["segments"] == [segment]
        assert contact["topics"] == {topic: "opt_out"}
        assert state["segments"][0]["members"] == 1
        assert {one["type"] for one in state["deliveries"]} == {"topic.created", "contact.created"}
        assert set(state) >= {"topics", "contact_properties", "imports", "webhooks"}

    def test_faults_clock_and_reset(self, fake: FakeResend, call: Caller) -> None:
        before = fake.clock.now()
        assert call("POST", "/__fake__/clock", {"advance": 60}).json() == {"now": before + 60}
        call("POST", "/__fake__/faults", {"status": 500, "route": "POST /segments"})
        assert call("POST", "/segments", {"name": "VIP"}).status == 500
        call.segment("VIP")
        call("POST", "/__fake__/faults", {"kind": "drop"})
        call("POST", "/__fake__/reset")
        assert call.get("/segments")["data"] == []
        assert fake.ledger.total == 1

    def test_dashboard_acts(self, fake: FakeResend, call: Caller) -> None:
        made = call("POST", "/__fake__/dashboard", {"act": "create_contact", "email": "a@x.org"})
        call("POST", "/__fake__/dashboard", {"act": "unsubscribe", "email": "a@x.org"})
        (contact,) = fake.state()["contacts"]
        assert (contact["id"], contact["unsubscribed"]) == (made.json()["id"], True)

    @pytest.mark.parametrize(
        ("target", "body", "status"),
        [
            ("/__fake__/nothing", {}, 404),
            ("/__fake__/dashboard", {"act": "explode"}, 404),
            ("/__fake__/dashboard", {"act": "_topic", "name": "x"}, 404),
            ("/__fake__/dashboard", {"act": "unsubscribe", "email": "no@x.org"}, 404),
            ("/__fake__/dashboard", {"act": "unsubscribe"}, 422),
            ("/__fake__/faults", {"kind": "earthquake"}, 422),
            ("/__fake__/clock", {"advance": "soon"}, 422),
        ],
    )
    def test_what_cannot_be_done(
        self, call: Caller, target: str, body: dict[str, Any], status: int
    ) -> None:
        assert call("POST", target, body).status == status


PATHS = [
    "/contacts",
    "/contacts/{c}",
    "/contacts/{c}/segments",
    "/contacts/{c}/segments/{s}",
    "/contacts/{c}/topics",
    "/contacts/imports",
    "/segments",
    "/segments/{s}",
    "/segments/{s}/contacts",
    "/topics/{t}",
    "/contact-properties",
    "/webhooks",
    "/suppressions/batch/add",
    "/__fake__/faults",
    "/__fake__/dashboard",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("a@example.org")
KEYS = st.sampled_from(
    [
        "email",
        "first_name",
        "unsubscribed",
        "properties",
        "segments",
        "topics",
        "id",
        "name",
        "subscription",
        "key",
        "type",
        "fallback_value",
        "events",
        "endpoint",
        "status",
        "emails",
        "act",
        "kind",
        "times",
        "default_subscription",
    ]
)
BODIES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5)
)


@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
    path=st.sampled_from(PATHS),
    body=BODIES.map(json.dumps).map(str.encode) | st.binary(max_size=20),
)
def test_whatever_is_sent_gets_an_answer(method: str, path: str, body: bytes) -> None:
    fake = FakeResend()
    made = fake.dashboard.create_contact("ada@example.org")
    segment, topic = fake.dashboard.create_segment("VIP"), fake.dashboard.create_topic("News")
    target = path.format(c=made.id, s=segment.id, t=topic.id)
    reply = fake.handle(method, target, HEADERS, body)
    assert 200 <= reply.status < 500
    assert isinstance(reply.json(), dict)


class TestServer:
    def test_a_client_may_hold_many_connections(self, fake: FakeResend) -> None:
        fake.dashboard.create_contact("ada@example.org")
        with fake.serve() as server:
            sessions = [requests.Session() for _ in range(5)]
            for session in sessions * 3:
                reply = session.get(f"{server.url}/contacts", headers=HEADERS, timeout=5)
                assert len(reply.json()["data"]) == 1
            for session in sessions:
                session.close()
        assert fake.ledger.total == 15

    def test_a_connection_is_kept_until_the_client_asks_otherwise(self, fake: FakeResend) -> None:
        with fake.serve() as server:
            connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
            for closing in ({}, {}, {"Connection": "close"}):
                connection.request("GET", "/contacts", headers=HEADERS | closing)
                sock = connection.sock
                connection.getresponse().read()
            assert sock is not None
            connection.close()
        assert fake.ledger.total == 3


class Process:
    """The fake as a process, its address read from its first line."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "django_resend.testing", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]

    def end(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        self.process.communicate(timeout=10)
        return self.process.returncode


@pytest.fixture
def process() -> Iterator[Process]:
    process = Process("--rate-limit", "3", "--quirk", "create_status=200", "--api-key", "re_mine")
    yield process
    process.process.kill()
    process.process.communicate()


class TestCommandLine:
    @pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
    def test_serves_until_told_to_stop(self, process: Process, by: signal.Signals) -> None:
        assert urlsplit(process.url).hostname == "127.0.0.1"
        headers = HEADERS | {"Authorization": "Bearer re_mine"}
        body = {"email": "ada@example.org"}
        reply = requests.post(f"{process.url}/contacts", json=body, headers=headers, timeout=5)
        assert (reply.status_code, reply.headers["ratelimit-limit"]) == (200, "3")
        ledger = requests.get(f"{process.url}/__fake__/ledger", timeout=5).json()
        assert ledger["by_route"] == {"POST /contacts": 1}
        assert process.end(by) == 0

    def test_help_lists_every_quirk(self) -> None:
        shown = run("--help")
        assert shown.returncode == 0
        for name, quirk in QUIRKS.items():
            assert f"{name}={quirk.choices}" in shown.stdout

    @pytest.mark.parametrize(
        "arguments", [("--quirk", "speed=fast"), ("--host", "example.org"), ("--port", "70000")]
    )
    def test_wrong_arguments_end_with_two(self, arguments: tuple[str, ...]) -> None:
        refused = run(*arguments)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr

    def test_an_unknown_quirk_is_answered_with_the_list(self) -> None:
        assert "duplicate_post=upsert|noop" in run("--quirk", "speed=fast").stderr

    def test_a_port_that_is_taken(self, process: Process) -> None:
        port = str(urlsplit(process.url).port)
        assert run("--port", port).returncode == 2

    def test_needs_no_django_project(self) -> None:
        program = (
            "import sys, django_resend.testing\n"
            "packages = {name.split('.')[0] for name in sys.modules}\n"
            "assert not packages & {'django', 'requests'}"
        )
        subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "django_resend.testing", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


class TestFixture:
    def test_serves_a_fake_and_points_the_settings_at_it(self, resend_fake: FakeResend) -> None:
        reply = requests.get(f"{resend_fake.url}/contacts", headers=HEADERS, timeout=5)
        assert reply.json()["data"] == []
        assert settings.RESEND["BASE_URL"] == resend_fake.url
        assert settings.RESEND["API_KEY"] == "re_test"

    @pytest.mark.parametrize(
        "test_module",
        [
            # Settings come back after the test, and keys of the site's own stay.
            """
            from django.conf import settings

            SITE = {"CONFLICTS": "remote", "BASE_URL": "https://api.site.example"}
            settings.configure(RESEND=SITE)

            def test_during(resend_fake):
                assert settings.RESEND["CONFLICTS"] == "remote"
                assert settings.RESEND["BASE_URL"] == resend_fake.url

            def test_after():
                assert settings.RESEND == SITE
            """,
            # No Django project at all.
            """
            def test_served(resend_fake):
                assert resend_fake.url.startswith("http://127.0.0.1:")

            def test_another(resend_fake):
                assert resend_fake.ledger.total == 0
            """,
        ],
    )
    def test_in_any_project(self, tmp_path: Path, test_module: str) -> None:
        (tmp_path / "test_it.py").write_text(dedent(test_module))
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        environment = {
            name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"
        }
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert "2 passed" in ended.stdout, ended.stdout
