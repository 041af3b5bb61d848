"""The demo's view of the fake: what it holds, the calls it has counted, and strangers' acts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests

TIMEOUT_SECONDS = 10


class Fake:
    """A running fake Resend at this address."""

    def __init__(self, url: str) -> None:
        self.url = url

    def state(self) -> dict[str, Any]:
        return self._read("state")

    def calls(self) -> int:
        """API calls answered since its start."""
        return int(self._read("ledger")["total"])

    def unsubscribe(self, email: str) -> None:
        """The person follows the unsubscribe link."""
        act = {"act": "unsubscribe", "email": email}
        reply = requests.post(f"{self.url}/__fake__/dashboard", json=act, timeout=TIMEOUT_SECONDS)
        reply.raise_for_status()

    def _read(self, name: str) -> dict[str, Any]:
        reply = requests.get(f"{self.url}/__fake__/{name}", timeout=TIMEOUT_SECONDS)
        reply.raise_for_status()
        answer: dict[str, Any] = reply.json()
        return answer


def printed_address(log: Path) -> str | None:
    """The address that the fake has printed into its log, once it has."""
    head, _, rest = log.read_text().partition("http://")
    return f"http://{rest.strip()}" if head and rest.endswith("\n") else None
