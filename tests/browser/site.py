"""The example site as its users have it: a server, a worker, and the fake, in processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from django_resend.testing import FakeResend
from example_project.demo.children import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ROOT = Path(__file__).parents[2]
NAME, PASSWORD = "marta", "only for tests"
PATIENCE_SECONDS = 30
WORKER = ("-m", "celery", "-A", "example_project", "worker", "--pool=solo", "--loglevel=WARNING")
FEW = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def follow(page: Page, link: Locator) -> None:
    """Click, and wait until the page that it leads to is there in full.

    A question asked at once may else be put to a page that has only begun to arrive.
    """
    with page.expect_navigation():
        link.click()


class Site:
    """A running example site; its worker is started when a test wants one."""

    def __init__(self, folder: Path, fake: FakeResend, api: str) -> None:
        self.fake = fake
        self._folder = folder
        self._port = free_port(8400)
        self.url = f"http://127.0.0.1:{self._port}"
        self._env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
            "VAR_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "CELERY_BROKER_URL": "filesystem://localhost",
            "RESEND_API_KEY": "re_test",
            "RESEND_BASE_URL": api,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "PYTHONPATH": str(ROOT),
        }

    def manage(self, *command: str) -> str:
        """Run a management command to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log_in(self, page: Page) -> None:
        """Log in as Marta, who may do everything."""
        page.goto(f"{self.url}/admin/login/")
        page.fill("#id_username", NAME)
        page.fill("#id_password", PASSWORD)
        follow(page, page.locator("input[type=submit]"))

    @contextmanager
    def running(self) -> Iterator[None]:
        self.manage("migrate", "--verbosity=0")
        self.manage("createsuperuser", "--noinput", f"--username={NAME}", "--email=m@example.org")
        serve = ("manage.py", "runserver", f"127.0.0.1:{self._port}", "--noreload")
        with self._process(*serve) as server:
            self._wait(self._answers, server)
            yield

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A Celery worker for as long as the block lasts."""
        with self._process(*WORKER, *FEW):
            yield

    @contextmanager
    def _process(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self._env, stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                # Nothing may be lost by it.
                process.kill()
                process.wait()

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/admin/login/", timeout=5).ok
        except requests.ConnectionError:
            return False

    def _wait(self, met: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not met():
            lives = process.poll() is None and time.monotonic() < deadline
            assert lives, (self._folder / "log").read_text()[-2000:]
            time.sleep(0.1)
