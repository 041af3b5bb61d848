"""Why a run can't be: errors for which no row is to blame."""

from __future__ import annotations

from datetime import datetime


class SyncStopped(Exception):
    """The run can't begin. The message is one sentence that says what to do."""


class NotConfigured(SyncStopped):
    """The settings don't allow this run."""


class AlreadyRunning(SyncStopped):
    """Another process is at it."""


class QuotaPaused(SyncStopped):
    """The team's quota was used up; nobody calls until it begins anew."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message, until)
        self.until = until

    def __str__(self) -> str:
        return str(self.args[0])
