"""Edits while a real Celery worker is killed again and again: nothing lost, nothing twice.

TORTURE_EDITS and TORTURE_KILLS set the size: 1000 and 20 take about a minute a test. With
--log-cli-level=INFO it tells its figures.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.test import override_settings

from django_resend.models import OutboxEntry
from django_resend.sync.pull import pull_all
from tests.oracle import differences

from .edits import Editor, actual, furnish
from .witness import Witness

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

logger = logging.getLogger(__name__)

EDITS = int(os.environ.get("TORTURE_EDITS", "200"))
KILLS = int(os.environ.get("TORTURE_KILLS", "5"))
SEED = int(os.environ.get("TORTURE_SEED", "20260301"))

SECONDS_A_KILL = 2.0
"""About how long a worker lives, its start included; the edits are spread over all of them."""

BOOT_SECONDS = 20.0
DRAIN_SECONDS = 60.0
"""How long the site may need to get in step after the last edit and kill."""

NOBODY = "amqp://guest@127.0.0.1:9//"
"""A broker that refuses every connection."""


def _wait(until: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)


@pytest.fixture
def fake() -> Iterator[Witness]:
    """Slow enough that most kills hit a worker between a call and its record."""
    fake = Witness(latency_ms=10)
    with fake.serve(), override_settings(RESEND={"API_KEY": "re_test", "BASE_URL": fake.url}):
        yield fake
    fake.close()


class Site:
    """The site's processes: one worker with its beat, and writers."""

    def __init__(self, fake: Witness, env: dict[str, str], folder: Path) -> None:
        broker = folder / "broker"
        (broker / "control").mkdir(parents=True)
        self.fake = fake
        self.folder = folder
        self.log = folder / "worker.log"
        self.expectations = folder / "expected.json"
        self.env = {
            **env,
            "DJANGO_SETTINGS_MODULE": "tests.torture.site",
            "CELERY_BROKER_URL": "filesystem://",
            "TORTURE_FOLDER": str(broker),
            "RESEND_BASE_URL": fake.url,
            "PYTHONWARNINGS": "ignore",
        }
        self._worker: subprocess.Popen[bytes] | None = None

    def start_worker(self) -> None:
        beat = self.folder / "beat"
        command = [sys.executable, "-m", "celery", "-A", "tests.celery_app", "worker"]
        options = ["-P", "solo", "-B", "-s", str(beat), "--without-gossip", "--without-mingle"]
        with self.log.open("ab") as log:
            self._worker = subprocess.Popen(
                [*command, *options, "-l", "WARNING"],
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill_worker(self) -> None:
        """SIGKILL to the worker and its beat: no handler runs."""
        if self._worker is None:
            return
        os.killpg(self._worker.pid, signal.SIGKILL)
        self._worker.wait()
        self._worker = None

    def wait_for_calls(self, number: int) -> None:
        """Wait until the worker calls Resend, and then for so many calls as far as they come."""
        before = self.fake.ledger.total
        _wait(lambda: self.fake.ledger.total > before, BOOT_SECONDS, "The worker makes no call.")
        end = time.monotonic() + 1.0
        while self.fake.ledger.total < before + number and time.monotonic() < end:
            time.sleep(0.001)

    def wait_for_empty_outbox(self) -> None:
        def empty() -> bool:
            return not OutboxEntry.objects.exists()

        _wait(empty, DRAIN_SECONDS, "Entries are left in the outbox.")

    def write(self, edits: int, pause: float, middle: dict[str, str]) -> None:
        """Make the edits in three processes, one after the other, the middle one with this env."""
        third = edits // 3
        for number, (share, env) in enumerate(
            [(third, {}), (edits - 2 * third, middle), (third, {})]
        ):
            arguments = [str(self.expectations), str(SEED + number), str(share), str(pause)]
            subprocess.run(
                [sys.executable, "-m", "tests.torture.writer", *arguments],
                env={**self.env, **env},
                check=True,
            )


@pytest.fixture
def site(fake: Witness, child_env: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    furnish(fake)
    for number in range(10):
        fake.dashboard.create_contact(f"old{number}@example.org", segments=["VIP"])
    pull_all()
    site = Site(fake, child_env, tmp_path)
    expected = {"expected": actual()}
    site.expectations.write_text(json.dumps(expected))
    yield site
    site.kill_worker()


@pytest.mark.parametrize("broker", ["up", "down for the middle third"])
def test_nothing_is_lost_or_doubled_while_workers_are_killed(site: Site, broker: str) -> None:
    chance, cut_short = random.Random(SEED), 0
    middle = {} if broker == "up" else {"CELERY_BROKER_URL": NOBODY}
    with ThreadPoolExecutor(1) as background:
        writing = background.submit(site.write, EDITS, SECONDS_A_KILL * KILLS / EDITS, middle)
        for _kill in range(KILLS):
            site.start_worker()
            site.wait_for_calls(chance.randint(1, 15))
            time.sleep(chance.uniform(0.0, 0.03))
            site.kill_worker()
            cut_short += OutboxEntry.objects.exclude(lease=None).exists()
        site.start_worker()
        writing.result()
    edited = time.monotonic()
    site.wait_for_empty_outbox()
    recovered = time.monotonic() - edited
    site.kill_worker()

    outcome = json.loads(site.expectations.read_text())
    logger.info(
        "%d edits, %d kills (%d amid a push), broker %s: in step %.1f s after the last edit, "
        "%d calls, slowest edit %.0f ms",
        *(EDITS, KILLS, cut_short, broker, recovered),
        *(site.fake.ledger.total, outcome["slowest"] * 1000),
    )
    editor = Editor(0, outcome["expected"])
    assert cut_short
    assert editor.lost() == []
    assert site.fake.twins() == []
    assert site.fake.overwritten == []
    assert site.fake.unexplained() == []
    assert pull_all().complete
    assert editor.lost() == []
    assert differences(site.fake) == []
