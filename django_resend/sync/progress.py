"""How a long run tells where it is. The engine speaks; a command, a page or nobody listens."""

from __future__ import annotations

from typing import Protocol


class Interrupted(Exception):
    """Raised by a progress whose listener wants the run to end."""


class Progress(Protocol):
    def stage(self, name: str, total: int | None) -> None:
        """A stage begins; ``total`` is the number of rows expected, where it is known."""

    def advance(self, rows: int) -> None:
        """So many more rows are done."""

    def note(self, message: str) -> None:
        """Something a person should read."""

    def close(self) -> None:
        """The run is over."""


class Silent:
    """Progress that nobody follows."""

    def stage(self, name: str, total: int | None) -> None:
        pass

    def advance(self, rows: int) -> None:
        pass

    def note(self, message: str) -> None:
        pass

    def close(self) -> None:
        pass
