"""`manage.py demo`, from its first line to its last process."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from .conftest import CONTACTS, Site, _environment

pytestmark = pytest.mark.slow


def wait_for(met: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


HOSTILE = {
    "CELERY_BROKER_URL": "redis://127.0.0.1:9/0",
    "CACHE_URL": "redis://127.0.0.1:9/1",
    "RESEND_DIRECTION": "pull",
    "RESEND_BASE_URL": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "DEBUG": "False",
    "SECRET_KEY": "own",
    "ALLOWED_HOSTS": "example.org",
}
"""A shell set up for another site."""


def test_it_mirrors_pushes_pulls_compares_and_ends(site: Site, tmp_path: Path) -> None:
    own = tmp_path / "own.sqlite3"
    code, output = site.run("--once", DATABASE_URL=f"sqlite:///{own}", **HOSTILE)

    assert code == 0, output
    steps = re.findall(r"^ (\d)\. (.*?)  ", output, re.MULTILINE)
    assert [int(number) for number, _ in steps] == [1, 2, 3, 4, 5, 6, 7]
    assert f"{CONTACTS} contacts" in output
    assert re.search(r"Compare both sides +equal in [\d,]+ values", output)
    assert re.search(r"^pull everything( +[\d,]+){3} +\d+ s", output, re.MULTILINE)
    assert max(map(len, output.splitlines())) < 80
    assert "\r" not in output
    assert not own.exists()
    assert site.processes() == []


def test_interrupted_at_work_it_takes_its_processes_along(site: Site) -> None:
    with site.start("--once") as process:
        wait_for(lambda: len(site.processes()) >= 3)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Stopped." in output
    assert "Traceback" not in output
    assert site.processes() == []


def test_killed_it_leaves_nothing_running(site: Site) -> None:
    with site.start("--once") as process:
        wait_for(lambda: len(site.processes()) >= 3)
        process.kill()

    wait_for(lambda: site.processes() == [])


def test_only_one_runs_in_a_folder(site: Site) -> None:
    with site.start("--once") as first:
        wait_for(lambda: len(site.processes()) >= 2)
        code, output = site.run("--once")
        assert first.poll() is None
        first.terminate()

    assert code == 2
    assert "Another demo is running here" in output


def test_on_a_terminal_it_serves_until_ctrl_c(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Terminal(site) as terminal:
        port = taken.getsockname()[1]
        terminal.start("--port", str(port))
        shown = terminal.read_until("Ctrl-C ends the demo.")
        url = re.search(r"http://127\.0\.0\.1:\d+(?=/api/)", shown)
        login = re.search(r"Login +(\S+) / (\S+)", shown)
        assert url and login
        assert not url[0].endswith(f":{port}")
        page = requests.get(f"{url[0]}/admin/", timeout=10)
        listed = requests.get(f"{url[0]}/api/segments/", auth=(login[1], login[2]), timeout=10)
        terminal.process.send_signal(signal.SIGINT)
        code = terminal.process.wait(timeout=30)

    assert "Log in" in page.text
    assert "Newsletter" in listed.text
    assert code == 0
    assert site.processes() == []


class Terminal:
    """A demo that believes a person is watching."""

    process: subprocess.Popen[bytes]

    def __init__(self, site: Site) -> None:
        self._site = site
        self._screen, self._keyboard = pty.openpty()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._screen)
        os.close(self._keyboard)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def start(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", *arguments],
            cwd=self._site.home,
            env=_environment({}),
            stdin=self._keyboard,
            stdout=self._keyboard,
            stderr=self._keyboard,
        )

    def read_until(self, text: str) -> str:
        shown = b""
        while text.encode() not in shown:
            assert self.process.poll() is None, shown.decode()
            shown += os.read(self._screen, 65536)
        return shown.decode()
