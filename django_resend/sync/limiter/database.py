"""The budget in one database row: any database serves, and nothing is configured."""

from __future__ import annotations

import time
from dataclasses import asdict, fields

from django.db.models import QuerySet

from ...models import CallBudget
from .pace import State
from .team import TEAM, ensure_team

FIELDS = [field.name for field in fields(State)]


class DatabaseStore:
    """Compare-and-swap by a conditional update, which no database answers with a lock error.

    By the clocks of the machines: one that is wrong makes calls wait, not exceed the rate.
    """

    def __init__(self, using: str) -> None:
        self._using = using

    def now(self) -> float:
        return time.time()

    def read(self) -> State:
        rows = self._row().values(*FIELDS)
        return next((State(**row) for row in rows), State())

    def swap(self, known: State, following: State) -> State | None:
        if known == State():
            ensure_team(self._using)
        row = self._row().filter(version=known.version)
        return None if row.update(**asdict(following)) else self.read()

    def _row(self) -> QuerySet[CallBudget]:
        return CallBudget.objects.using(self._using).filter(team=TEAM)
