"""How far the walk over all contacts came, and whom a pull has met."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from ...client.rows import ContactRow
from ..apply import Applied
from ..coverage import OVERLAP, Coverage
from ..seen import Seen


@dataclass
class Sweep:
    """The state of one sweep. ``after`` is its cursor in the list, ``None`` at the beginning.

    ``newest``: when Resend made the newest contact met. ``complete``: no row was passed over.
    ``unlisted``: of a sweep that left the list to the segments, the contacts in none of them;
    ``None`` as long as the list is walked to its end. ``pages``: how many of the list it left out.
    ``unwalked``: the segments whose lists are still to be walked to their end.
    """

    seen: Seen = field(default_factory=Seen)
    after: str | None = None
    newest: datetime | None = None
    complete: bool = True
    unlisted: frozenset[int] | None = None
    pages: int = 0
    unwalked: set[int] = field(default_factory=set)

    @property
    def is_covered(self) -> bool:
        return self.unlisted is not None

    def go_on(self) -> None:
        """The segments' lists don't do: the rest of the list must be walked."""
        self.unlisted = None

    def take(self, rows: Sequence[ContactRow], applied: Applied) -> None:
        """Rows of the list were stored."""
        self.seen.add(applied.pks.values())
        self.complete &= applied.knows(rows)
        moments = [row.created_at for row in rows if row.created_at]
        self.newest = max([*moments, *([self.newest] if self.newest else [])], default=None)

    def meet(self, contacts: Collection[int]) -> None:
        """The list of a segment showed these contacts."""
        self.seen.add(contacts)

    def lacks(self, contacts: Iterable[int]) -> bool:
        """Whether a list was walked that would have shown each of these contacts."""
        return self.unlisted is not None and self.unlisted.isdisjoint(contacts)

    def pack(self) -> dict[str, Any]:
        """The state as JSON."""
        return {
            "seen": self.seen.pack(),
            "after": self.after,
            "newest": self.newest.isoformat() if self.newest else None,
            "complete": self.complete,
            "unlisted": None if self.unlisted is None else sorted(self.unlisted),
            "pages": self.pages,
            "unwalked": sorted(self.unwalked),
        }

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> Self:
        newest, unlisted = packed["newest"], packed["unlisted"]
        return cls(
            Seen.unpack(packed["seen"]),
            packed["after"],
            datetime.fromisoformat(newest) if newest else None,
            packed["complete"],
            None if unlisted is None else frozenset(unlisted),
            packed["pages"],
            set(packed["unwalked"]),
        )


class Head:
    """The rows of a list that are newer than the last sweep, told by the list itself.

    Where its order isn't by age there is no telling, and the list is walked to its end.
    """

    def __init__(self, coverage: Coverage | None) -> None:
        self._coverage = coverage
        self._oldest: datetime | None = None
        self._pages = 0

    @property
    def is_open(self) -> bool:
        return self._coverage is not None

    def restart(self) -> None:
        """The list is walked from its beginning, again."""
        self._oldest = None
        self._pages = 0

    def ends_with(self, rows: Sequence[ContactRow], applied: Applied) -> bool:
        """Whether this page is the last that can hold a contact the mirror didn't know."""
        self._pages += 1
        for row in rows:
            moment = row.created_at
            if moment is None or (self._oldest is not None and moment > self._oldest):
                self._coverage = None
                break
            self._oldest = moment
        if self._coverage is None or self._oldest is None:
            return False
        knew_all = applied.knows(rows) and not applied.counts["created"]
        return knew_all and self._oldest < self._coverage.newest - OVERLAP

    def leave(self, sweep: Sweep) -> None:
        """Let the segments' lists do for the rest."""
        if self._coverage is not None:
            sweep.unlisted = self._coverage.unlisted
            sweep.pages = max(0, self._coverage.pages - self._pages)
            sweep.unwalked = set(self._coverage.segments)
