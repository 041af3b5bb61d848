"""Celery's way in. The tasks only wake the engine: what is to be done stands in the database."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from celery import current_app, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError
from kombu.pools import producers

logger = logging.getLogger("django_resend.tasks")

SLICE_SECONDS = 60.0
"""How long one task works before it hands over to the next and lets others have a turn."""

BROKER_PAUSE_SECONDS = 30.0
"""After the broker failed, how long saves don't try it again; the periodic push catches up."""

IMPATIENT = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "socket_connect_timeout": 1.0,
}
"""How a save asks the broker: kombu's default would hold it up for seconds when that is down."""

CONNECT_SECONDS = 1.0

SOON_SECONDS = 30.0
"""An event to be tried again sooner than this doesn't wait for the periodic task."""

OUTBOX_WAITS = "changes wait in the outbox for the periodic push"
EVENTS_WAIT = "events wait in their table for the periodic task"
JOBS_WAIT = "jobs wait in their queue for the periodic push"

GATHER_SECONDS = 0.2
"""Webhooks that come so soon after each other share one request to the worker."""

_broker_down_until = 0.0
_gathering = threading.Lock()
_asked_at = float("-inf")
_is_gathering = False


def ask_for_push(**kwargs: Any) -> None:
    """Ask Celery to push soon. A broker that is down raises nothing: the outbox keeps the work."""
    _ask_for(push)


def ask_for_events() -> None:
    """Ask Celery to apply what webhooks brought; a broker that is down raises nothing.

    In a storm the requests to it are few: one at once, the next for all that came meanwhile.
    """
    global _asked_at, _is_gathering
    with _gathering:
        now = time.monotonic()
        pause = _asked_at + GATHER_SECONDS - now
        if pause > 0:
            if not _is_gathering:
                _is_gathering = True
                timer = threading.Timer(pause, _ask_for_gathered)
                timer.daemon = True
                timer.start()
            return
        # A process forked while its parent gathered has no timer of its own.
        _asked_at, _is_gathering = now, False
    _ask_for(apply_events, waiting=EVENTS_WAIT)


def _ask_for_gathered() -> None:
    global _asked_at, _is_gathering
    with _gathering:
        _asked_at, _is_gathering = time.monotonic(), False
    _ask_for(apply_events, waiting=EVENTS_WAIT)


def ask_for_jobs(**kwargs: Any) -> None:
    """Ask Celery to work off the queue of jobs soon; where the broker is down, they wait."""
    _ask_for(run_jobs, waiting=JOBS_WAIT)


def _ask_for(task: Any, *, waiting: str = OUTBOX_WAITS, countdown: float | None = None) -> None:
    global _broker_down_until
    if time.monotonic() < _broker_down_until:
        return
    connection = current_app.connection_for_write(
        transport_options=IMPATIENT, connect_timeout=CONNECT_SECONDS
    )
    try:
        with producers[connection].acquire(block=True) as producer:
            task.apply_async(producer=producer, retry=False, expires=3600, countdown=countdown)
    except (OperationalError, OSError) as error:
        _broker_down_until = time.monotonic() + BROKER_PAUSE_SECONDS
        logger.warning(
            "The Celery broker can't be reached (%s); %s.", type(error).__name__, waiting
        )


@shared_task(name="django_resend.push", ignore_result=True, acks_late=True)
def push() -> None:
    """Push what waits in the outbox; run it periodically too, for what the broker lost."""
    from .sync.errors import QuotaPaused
    from .sync.jobs.run import is_forgotten
    from .sync.push import push_outbox

    if is_forgotten():
        ask_for_jobs()
    try:
        report = push_outbox(seconds=SLICE_SECONDS)
    except QuotaPaused as reason:
        logger.info("%s", reason)
        return
    if report.more:
        ask_for_push()
    elif report.look_again is not None:
        # An import is under way at Resend: nobody waits for it here.
        _ask_for(push, countdown=report.look_again)


@shared_task(name="django_resend.apply_events", ignore_result=True, acks_late=True)
def apply_events() -> None:
    """Apply what webhooks brought; run it periodically too, for what the broker lost."""
    from .sync.events import apply_events as apply_due

    report = apply_due(seconds=SLICE_SECONDS)
    if report.more:
        ask_for_events()
    elif report.next_at is not None:
        pause = max(0.0, (report.next_at - timezone.now()).total_seconds())
        if pause < SOON_SECONDS:
            _ask_for(apply_events, waiting=EVENTS_WAIT, countdown=pause)


@shared_task(name="django_resend.clean_up", ignore_result=True, acks_late=True)
def clean_up() -> None:
    """Delete old webhook events, runs and conflicts, as the settings say."""
    from .sync.cleanup import clean_up as clean

    clean()


@shared_task(name="django_resend.check_webhook", ignore_result=True, acks_late=True)
def check_webhook() -> None:
    """Ask Resend whether this site's webhook is registered and enabled; one call."""
    from .conf import resend_settings
    from .sync.address import own_url
    from .sync.calls import open_client
    from .sync.endpoints import check
    from .sync.errors import QuotaPaused

    url = own_url()
    if url is None or not resend_settings.webhook_secrets:
        return
    try:
        with open_client() as client:
            check(client, url)
    except QuotaPaused as reason:
        logger.info("%s", reason)


@shared_task(name="django_resend.pull", ignore_result=True, acks_late=True)
def pull() -> None:
    """Pull definitions, contacts and memberships."""
    _pull_slice(pull, shallow=True, deep=False)


@shared_task(name="django_resend.deep_pull", ignore_result=True, acks_late=True)
def deep_pull() -> None:
    """Read properties and topic choices, the contacts longest unread first."""
    _pull_slice(deep_pull, shallow=False, deep=True)


def _pull_slice(task: Any, *, shallow: bool, deep: bool) -> None:
    from .sync.errors import AlreadyRunning, QuotaPaused
    from .sync.pull import pull_all

    try:
        report = pull_all(shallow=shallow, deep=deep, seconds=SLICE_SECONDS)
    except (AlreadyRunning, QuotaPaused) as reason:
        logger.info("%s", reason)
        return
    if report.more:
        _ask_for(task)


@shared_task(name="django_resend.run_jobs", ignore_result=True, acks_late=True)
def run_jobs() -> None:
    """Work off the jobs that people queued; what the broker lost, the periodic push asks for."""
    from .sync.jobs import run_jobs as run

    if run(seconds=SLICE_SECONDS).more:
        ask_for_jobs()
