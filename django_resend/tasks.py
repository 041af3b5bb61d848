"""Celery's way in. The tasks only wake the engine: what is to be done stands in the database."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import current_app, shared_task
from kombu.exceptions import OperationalError
from kombu.pools import producers

logger = logging.getLogger("django_resend.tasks")

SLICE_SECONDS = 60.0
"""How long one task works before it hands over to the next and lets others have a turn."""

BROKER_PAUSE_SECONDS = 30.0
"""After the broker failed, how long saves don't try it again; the periodic push catches up."""

IMPATIENT = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1}
"""How a save asks the broker: kombu's default would hold it up for seconds when that is down."""

_broker_down_until = 0.0


def ask_for_push(**kwargs: Any) -> None:
    """Ask Celery to push soon. A broker that is down raises nothing: the outbox keeps the work."""
    _ask_for(push)


def _ask_for(task: Any) -> None:
    global _broker_down_until
    if time.monotonic() < _broker_down_until:
        return
    connection = current_app.connection_for_write(transport_options=IMPATIENT)
    try:
        with producers[connection].acquire(block=True) as producer:
            task.apply_async(producer=producer, retry=False, expires=3600)
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
    _pull_slice(pull, shallow=True, deep=False)


@shared_task(name="django_resend.deep_pull", ignore_result=True, acks_late=True)
def deep_pull() -> None:
    """Read properties and topic choices, the contacts longest unread first."""
    _pull_slice(deep_pull, shallow=False, deep=True)


def _pull_slice(task: Any, *, shallow: bool, deep: bool) -> None:
    from .sync.errors import AlreadyRunning
    from .sync.pull import pull_all

    try:
        report = pull_all(shallow=shallow, deep=deep, seconds=SLICE_SECONDS)
    except AlreadyRunning as reason:
        logger.info("%s", reason)
        return
    if report.more:
        _ask_for(task)
