"""What a store of the budget must do."""

from __future__ import annotations

from typing import Protocol

from .pace import State


class StoreDown(Exception):
    """The store can't be reached."""


class Store(Protocol):
    """The budget's state, shared by all processes."""

    def now(self) -> float:
        """Seconds since 1970 by the clock that the processes share."""

    def read(self) -> State:
        """The state; a new one where there is none. Raises ``StoreDown``."""

    def swap(self, known: State, following: State) -> State | None:
        """Store the following state if the known one still stands; else return the one that does.

        Raises ``StoreDown``.
        """
