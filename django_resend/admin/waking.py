"""Waking the engine through Celery, and knowing whether it was reached."""

from __future__ import annotations

from typing import Any

from kombu.exceptions import OperationalError

EXPIRES_SECONDS = 3600


def wake(*tasks: Any) -> bool:
    """Enqueue these Celery tasks. False, and no error, when the broker can't be reached."""
    try:
        for task in tasks:
            task.apply_async(retry=False, expires=EXPIRES_SECONDS)
    except (OperationalError, OSError):
        return False
    return True
