"""Eight processes on one budget against strict one-second windows: 429s, and the share used.

Usage as a child process: python -m tests.benchmarks.sharing SECONDS, which says "ready", begins
when it is told to on standard input, and makes at least one call. ``stranger URL RATE SECONDS``
calls evenly, by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from .databases import Databases, child_env
from .fakes import serving

ROOT = Path(__file__).parents[2]
PROCESSES = 8
SECONDS = 30
RATES = (2, 5, 10, 100)
QUIET: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}

Results = list[dict[str, Any]]


def measure(databases: Databases, size: int, repeat: int) -> Results:
    """For each store and rate: at a site's first calls ever, then alone and beside a stranger.

    The first calls ever begin slowly, before a reply told the limit. The stranger takes half of it.
    The cache is measured where TEST_REDIS_URL names one.
    """
    stores = ("database", "cache") if os.environ.get("TEST_REDIS_URL") else ("database",)
    conditions = [("fixed", True, False)]
    conditions += [(w, False, beside) for w in ("fixed", "sliding") for beside in (False, True)]
    return [
        _measure(databases, rate, window, first, stranger, store)
        for store in stores
        for window, first, stranger in conditions
        for rate in RATES
    ]


def print_table(found: Results) -> None:
    sys.stdout.write(f"\n{PROCESSES} processes, {SECONDS} s\n")
    sys.stdout.write(
        f"{'store':9}{'window':>8}{'limit':>9}{'stranger':>9}{'rate':>6}{'permitted':>11}"
        f"{'our calls':>11}{'our 429s':>10}{'its calls':>11}{'its 429s':>10}{'share used':>12}\n"
    )
    for one in found:
        sys.stdout.write(
            f"{one['store']:9}{one['window']:>8}{'unknown' if one['first'] else 'known':>9}"
            f"{'half' if one['stranger'] else 'none':>9}{one['rate']:>6}"
            f"{one['permitted']:>11}{one['calls']:>11}{one['rejected']:>10}"
            f"{one['stranger_calls']:>11}{one['stranger_rejected']:>10}{one['share']:>12.1%}\n"
        )


def _measure(
    databases: Databases, rate: int, window: str, first: bool, stranger: bool, store: str
) -> dict[str, Any]:
    module = [sys.executable, "-m", "tests.benchmarks.sharing"]
    with serving(rate, rate_window=window) as fake:
        env = child_env(databases.fresh(), fake.url, limited=True)
        env |= _in_store(store)
        if not first:
            subprocess.run([*module, "0"], env=env, cwd=ROOT, check=True, **QUIET)
            time.sleep(1)
        commands = [[*module, str(SECONDS)]] * PROCESSES
        if stranger:
            commands.append([*module, "stranger", fake.url, str(rate / 2), str(SECONDS)])
        pipe = subprocess.PIPE
        workers = [
            subprocess.Popen(command, env=env, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
            for command in commands
        ]
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        told = [json.loads(worker.communicate()[0]) for worker in workers]
    ours, strangers = told[:PROCESSES], told[PROCESSES:]
    good = sum(one["calls"] - one["rejected"] for one in told)
    # The last slots were taken before the time was over, and come after it.
    permitted = rate * max(one["seconds"] for one in told)
    return {
        "store": store,
        "window": window,
        "first": first,
        "stranger": stranger,
        "rate": rate,
        "permitted": round(permitted),
        "calls": sum(one["calls"] for one in ours),
        "rejected": sum(one["rejected"] for one in ours),
        "stranger_calls": sum(one["calls"] for one in strangers),
        "stranger_rejected": sum(one["rejected"] for one in strangers),
        "share": good / permitted,
    }


def _in_store(store: str) -> dict[str, str]:
    """The settings of a site that has never called, with its budget in this store."""
    if store == "database":
        return {"BENCHMARK_LIMITER": store}
    return {
        "BENCHMARK_LIMITER": store,
        "BENCHMARK_PREFIX": uuid.uuid4().hex,
        "CACHE_URL": os.environ["TEST_REDIS_URL"],
    }


def _await_start() -> float:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    return time.monotonic()


def worker(seconds: float) -> dict[str, float]:
    import django

    django.setup()
    from django_resend.client.errors import RateLimited
    from django_resend.sync.calls import open_client
    from django_resend.sync.limiter import read_usage

    rejected = 0
    read_usage()  # imports and connects what the store needs
    with open_client() as client:
        started = _await_start()
        while True:
            try:
                client.segments.page()
            except RateLimited:
                rejected += 1
            if time.monotonic() >= started + seconds:
                break
        elapsed = time.monotonic() - started
        return {"calls": client.calls, "rejected": rejected, "seconds": elapsed}


def stranger(url: str, rate: float, seconds: float) -> dict[str, float]:
    request = Request(  # noqa: S310  (the fake's own address)
        f"{url}/segments?limit=1",
        headers={"Authorization": "Bearer re_test", "User-Agent": "stranger/1.0"},
    )
    calls = rejected = 0
    started = _await_start()
    while (due := started + calls / rate) < started + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        calls += 1
        try:
            urlopen(request).close()  # noqa: S310  (the fake's own address)
        except HTTPError:
            rejected += 1
    return {"calls": calls, "rejected": rejected, "seconds": seconds}


if __name__ == "__main__":
    if sys.argv[1] == "stranger":
        found = stranger(sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
    else:
        found = worker(float(sys.argv[1]))
    sys.stdout.write(json.dumps(found) + "\n")
