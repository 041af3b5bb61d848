"""One run: a new fake, a new copy of the database, and a process for each of its steps."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .databases import Databases, child_env
from .fakes import Fake, serving
from .scenarios import SCENARIOS, disturb, fill

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """What a run cost; ``differences`` of a right one is 0."""

    calls: int
    calls_by_route: dict[str, int]
    rejected: int
    differences: int
    seconds: float
    cpu_seconds: float
    statements: int
    transactions: int
    rows_written: dict[str, int]
    start_megabytes: float
    peak_megabytes: float


@dataclass(frozen=True)
class Conditions:
    """``rate`` is the fake's limit in calls a second, 0 for none; ``latency_ms`` is per call."""

    size: int
    rate: int = 0
    latency_ms: int = 0


def run_once(databases: Databases, scenario: str, contender: str, under: Conditions) -> Outcome:
    """Run one contender once."""
    size = under.size
    with serving(under.rate, under.latency_ms) as fake:
        fill(fake, scenario, size)
        env = child_env(databases.fresh(), fake.url, limited=bool(under.rate))
        step = Step(env, contender, scenario, size)
        if SCENARIOS[scenario].warm:
            step.take("prepare")
            disturb(fake, scenario, size)
        before = fake.ledger()
        measured = step.take("measure")
        calls = _made(fake, before)
        checked = step.take("check")
        if checked["differences"]:
            sys.stderr.write(f"{scenario} {contender}: {checked['first']}\n")
        return Outcome(**calls, differences=checked["differences"], **measured)


@dataclass(frozen=True)
class Step:
    env: Mapping[str, str]
    contender: str
    scenario: str
    size: int

    def take(self, name: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "tests.benchmarks.child", name]
        done = subprocess.run(
            [*command, self.contender, self.scenario, str(self.size)],
            env=self.env,
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told


def _made(fake: Fake, before: dict[str, Any]) -> dict[str, Any]:
    now, earlier = fake.ledger(), before["by_route"]
    made = {route: n - earlier.get(route, 0) for route, n in now["by_route"].items()}
    return {
        "calls": now["total"] - before["total"],
        "calls_by_route": {route: n for route, n in sorted(made.items()) if n},
        "rejected": now["rejected_429"] - before["rejected_429"],
    }
