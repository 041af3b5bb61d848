"""A fake Resend in a process of its own, and the wires to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]
IMPORT_SECONDS = 1


class Fake:
    """What the control routes of the fake at ``url`` tell and do."""

    def __init__(self, url: str) -> None:
        self.url = url

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._ask("state")
        return state

    def ledger(self) -> dict[str, Any]:
        ledger: dict[str, Any] = self._ask("ledger")
        return ledger

    def act(self, act: str, /, **arguments: object) -> None:
        """An act at the dashboard: no call, not in the ledger."""
        self._ask("dashboard", {"act": act, **arguments})

    def _ask(self, route: str, body: dict[str, object] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/__fake__/{route}", data, {"User-Agent": "benchmark/1.0"})  # noqa: S310  (the fake's own address)
        with urlopen(request) as answer:  # noqa: S310  (the fake's own address)
            return json.load(answer)


@contextmanager
def serving(rate: int = 0, latency_ms: int = 0, **quirks: str) -> Iterator[Fake]:
    """A new fake that lets ``rate`` calls a second through, 0 being no limit."""
    command = [sys.executable, "-m", "django_resend.testing", "--port=0"]
    command += [f"--rate-limit={rate}", f"--latency-ms={latency_ms}"]
    for name, value in {"import_seconds": str(IMPORT_SECONDS), **quirks}.items():
        command += ["--quirk", f"{name}={value}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            assert server.stdout is not None
            yield Fake(server.stdout.readline().split()[-1])
        finally:
            server.terminate()
