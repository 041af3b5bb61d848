"""Prints what a shallow pull costs: calls, time, and the peak memory of its process.

Usage, with the project installed: python tests/benchmarks/pull.py [contacts ...]
Without numbers: 10,000 and 100,000 contacts. Each pull goes into a new SQLite file, from a fake
without rate limit in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]
SEGMENTS = 10


class Cost(NamedTuple):
    """Of one pull: calls, seconds, and the largest resident set of its process, in megabytes."""

    contacts: int
    calls: int
    seconds: float
    megabytes: float


@contextmanager
def fake(contacts: int) -> Iterator[str]:
    """The address of a fake that holds so many contacts, each in one of ten segments."""
    command = [sys.executable, "-m", "django_resend.testing", "--port", "0", "--rate-limit", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            act = {"act": "seed", "contacts": contacts, "segments": SEGMENTS}
            ask(f"{url}/__fake__/dashboard", act)
            yield url
        finally:
            server.terminate()


def ask(url: str, body: dict[str, object] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    agent = {"User-Agent": "benchmark/1.0"}
    with urlopen(Request(url, data, agent)) as answer:  # noqa: S310  (the fake's own address)
        return json.load(answer)


def measure(contacts: int) -> Cost:
    """Pull so many contacts in a process of its own.

    This process must be small: a child's peak includes that of its parent when it was started.
    """
    with fake(contacts) as url, tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder}/mirror.sqlite3",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "RESEND_API_KEY": "re_test",
            "RESEND_BASE_URL": url,
        }
        manage = [sys.executable, str(ROOT / "manage.py")]
        subprocess.run([*manage, "migrate", "--verbosity=0"], env=env, check=True)
        started = time.perf_counter()
        pull = subprocess.Popen(
            [*manage, "resend_pull", "--shallow", "--no-progress"],
            env=env,
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(pull.pid, 0)
        pull.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        assert pull.returncode == 0
        calls = ask(f"{url}/__fake__/ledger")["total"]
    return Cost(contacts, calls, seconds, used.ru_maxrss / 1024)


def main(sizes: list[int]) -> None:
    sys.stdout.write(
        f"{'contacts':>10}{'calls':>8}{'seconds':>9}{'contacts/s':>12}{'peak MB':>9}\n"
    )
    for size in sizes:
        cost = measure(size)
        speed = cost.contacts / cost.seconds
        sys.stdout.write(
            f"{cost.contacts:>10,}{cost.calls:>8,}{cost.seconds:>9.1f}{speed:>12,.0f}"
            f"{cost.megabytes:>9.1f}\n"
        )


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 100_000])
