"""The team's one row in the database."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS

from ...models import CallBudget

TEAM = "team"
"""One site mirrors one team, so there is one row."""


def ensure_team(using: str = DEFAULT_DB_ALIAS) -> None:
    """Create the team's row if need be. Outside a transaction: MariaDB would deadlock in one."""
    CallBudget.objects.using(using).bulk_create([CallBudget(team=TEAM)], ignore_conflicts=True)


def lock_team() -> None:
    """Let one transaction at a time pass, on every database: a write to the team's one row.

    See ``ensure_team`` for that row.
    """
    CallBudget.objects.filter(team=TEAM).update(team=TEAM)
