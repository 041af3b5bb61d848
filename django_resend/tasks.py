"""Celery's way in. The tasks only wake the engine: what is to be done stands in the database."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import shared_task
from kombu.exceptions import OperationalError

logger = logging.getLogger("django_resend.tasks")

SLICE_SECONDS = 60.0
"""How long one push task works before it hands over to the next and lets others have a turn."""

BROKER_PAUSE_SECONDS = 30.0
"""After the broker failed, how long saves don't try it again; the periodic push catches up."""

_broker_down_until = 0.0


def ask_for_push(**kwargs: Any) -> None:
    """Ask Celery to push soon. A broker that is down raises nothing: the outbox keeps the work."""
    global _broker_down_until
    if time.monotonic() < _broker_down_until:
        return
    try:
        push.apply_async(retry=False, expires=3600)
    except (OperationalError, OSError) as error:
        _broker_down_until = time.monotonic() + BROKER_PAUSE_SECONDS
        logger.warning(
            "The Celery broker can't be reached (%s); changes wait in the outbox for the "
            "periodic push.",
            type(error).__name__,
        )


@shared_task(name="django_resend.push", ignore_result=True, acks_late=True)
def push() -> None:
    """Push what waits in the outbox; run it periodically too, for what the broker lost."""
    from .sync.push import push_outbox

    if push_outbox(seconds=SLICE_SECONDS).more:
        ask_for_push()


@shared_task(name="django_resend.pull", ignore_result=True, acks_late=True)
def pull() -> None:
    """Pull definitions, contacts and memberships."""
    from .sync.pull import pull_all

    pull_all(deep=False)


@shared_task(name="django_resend.deep_pull", ignore_result=True, acks_late=True)
def deep_pull() -> None:
    """Read properties and topic choices, the contacts longest unread first."""
    from .sync.pull import pull_all

    pull_all(shallow=False)
