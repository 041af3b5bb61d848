"""Why a run can't be: errors for which no row is to blame."""

from __future__ import annotations


class SyncStopped(Exception):
    """The run can't begin. The message is one sentence that says what to do."""


class NotConfigured(SyncStopped):
    """The settings don't allow this run."""


class AlreadyRunning(SyncStopped):
    """Another process is at it."""
