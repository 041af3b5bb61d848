"""Why a demo ends early."""

from __future__ import annotations


class DemoFailed(Exception):
    """The demo can't go on; the message is for the person who runs it."""
