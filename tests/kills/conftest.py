"""A fake with some latency, and real processes that work on it until they are killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from django_resend.testing import FakeResend

MANAGE = Path(__file__).parents[2] / "manage.py"
SEED = 7
LATENCY_MS = 3
PATIENCE_SECONDS = 20


@pytest.fixture
def slow_fake(settings: Any) -> Iterator[FakeResend]:
    fake = FakeResend(latency_ms=LATENCY_MS)
    with fake.serve() as server:
        settings.RESEND = {"API_KEY": "re_test", "BASE_URL": server.url, "RATE_LIMIT": 0}
        yield fake


@dataclass
class Machine:
    """Starts processes of the site, and kills them with SIGKILL when Resend has had some calls."""

    fake: FakeResend
    env: dict[str, str]
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *command],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> str:
        """What the process said, once it has ended; it must have succeeded."""
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, said
        return said

    def manage(self, command: str) -> subprocess.Popen[str]:
        return self.start(str(MANAGE), command, "--no-progress")

    def kill_after(self, process: subprocess.Popen[str], calls: int) -> bool:
        """Kill the process at a random moment after so many calls; False: it ended before."""
        target = self.fake.ledger.total + calls
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.fake.ledger.total < target and process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
                raise AssertionError(process.communicate()[0])
            time.sleep(0.001)
        time.sleep(self.chance.uniform(0, 2 * LATENCY_MS / 1000))
        alive = process.poll() is None
        process.kill()
        process.communicate()
        return alive


@pytest.fixture
def machine(slow_fake: FakeResend, child_env: dict[str, str]) -> Machine:
    return Machine(
        slow_fake, {**child_env, "RESEND_BASE_URL": slow_fake.url, "RESEND_API_KEY": "re_test"}
    )


@pytest.fixture
def broker(machine: Machine, tmp_path: Path) -> Machine:
    """The machine with Celery: a broker in a folder that its workers read."""
    for folder in ("messages", "control"):
        (tmp_path / folder).mkdir()
    machine.env |= {
        "TEST_BROKER_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "tests.kills.settings",
    }
    return machine
