"""Real parts: gunicorn serves the example site, a Celery worker applies, the fake sends over HTTP.

With --log-cli-level=INFO it tells its figures.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from django_resend.testing.webhooks import DEFAULT_SECRET

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("gunicorn") is None, reason="gunicorn isn't installed"
    ),
]

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
PEOPLE = 101
BOOT_SECONDS = 30.0


class Site:
    """Three processes and the database they leave their work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.fake_port = _free_port(), _free_port()
        self.fake_url = f"http://127.0.0.1:{self.fake_port}"
        self.hook_url = f"http://127.0.0.1:{self.port}/resend/webhook/"
        env = {name: value for name, value in os.environ.items() if not name.startswith("RESEND_")}
        for name in ("DATABASE_URL", "CACHE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE"):
            env.pop(name, None)
        self.env = env | {
            "VAR_DIR": str(folder),
            "ALLOWED_HOSTS": "127.0.0.1",
            "RESEND_API_KEY": "re_test",
            "RESEND_BASE_URL": self.fake_url,
            "RESEND_WEBHOOK_SECRET": DEFAULT_SECRET,
            "DJANGO_SETTINGS_MODULE": "example_project.settings",
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *module: str) -> None:
        with (self.folder / f"{module[0]}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append(process)

    def manage(self, *command: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.env,
            check=True,
            capture_output=True,
        )

    def act(self, act: str, **arguments: object) -> None:
        """Something happens at Resend, in its dashboard or on its unsubscribe page."""
        body = json.dumps({"act": act, **arguments}).encode()
        request = Request(f"{self.fake_url}/__fake__/dashboard", body)  # noqa: S310  (loopback)
        urlopen(request).close()  # noqa: S310  (loopback)

    def stop(self) -> None:
        for process in self._running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    try:
        hook = ("--webhook-url", site.hook_url, "--webhook-secret", DEFAULT_SECRET)
        site.start("django_resend.testing", f"--port={site.fake_port}", "--rate-limit=0", *hook)
        site.manage("migrate", "--verbosity=0")
        _wait(lambda: _listens(site.fake_port), BOOT_SECONDS, "The fake doesn't listen.")
        site.act("seed", contacts=PEOPLE)
        site.manage("resend_pull", "--no-progress")
        site.start(
            "gunicorn",
            "example_project.wsgi",
            f"--bind=127.0.0.1:{site.port}",
            "--workers=1",
            "--threads=2",
        )
        worker = ("worker", "--pool=solo", "--without-gossip", "--without-mingle", "-lWARNING")
        site.start("celery", "-A", "example_project", *worker)
        _wait(lambda: _listens(site.port), BOOT_SECONDS, "gunicorn doesn't listen.")
        yield site
    finally:
        site.stop()


def test_an_unsubscribe_at_resend_is_in_the_database_within_a_second(site: Site) -> None:
    database = sqlite3.connect(site.folder / "db.sqlite3", isolation_level=None)

    def is_out(email: str) -> bool:
        query = "SELECT unsubscribed FROM django_resend_contact WHERE email_key = ?"
        return bool(database.execute(query, [email]).fetchone()[0])

    # The worker boots, and the clocks' margin to the pull passes.
    time.sleep(11)
    site.act("unsubscribe", email="person1@example.org")
    _wait(lambda: is_out("person1@example.org"), BOOT_SECONDS, "The worker doesn't work.")
    taken = []
    for number in range(2, PEOPLE + 1):
        email = f"person{number}@example.org"
        started = time.monotonic()
        site.act("unsubscribe", email=email)
        _wait(lambda email=email: is_out(email), 10, "It never arrives.")  # type: ignore[misc]
        taken.append(time.monotonic() - started)
    database.close()
    logger.info(
        "%d unsubscribes: median %.0f ms, worst %.0f ms",
        *(len(taken), statistics.median(taken) * 1000, max(taken) * 1000),
    )
    assert max(taken) < 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(until: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.005)
