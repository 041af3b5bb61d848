"""Who gives way where the engine and the site's own transactions wait for each other's rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import sleep
from typing import TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction

Result = TypeVar("Result")

PATIENCE_MS = 500
"""Shorter than the second after which PostgreSQL looks for deadlocks and fails either side."""

TRIES = 4
PAUSE_SECONDS = 0.2


@contextmanager
def giving_way() -> Iterator[None]:
    """Within it the engine fails with ``OperationalError`` rather than wait long for a row.

    So a save of the site isn't the one that fails. Only PostgreSQL needs and knows it.
    """
    give_way()
    try:
        yield
    finally:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")


def give_way() -> None:
    """The same for as long as this thread's connection lasts."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {PATIENCE_MS}")


def insistently(write: Callable[[], Result]) -> Result:
    """Do this in a transaction of its own; anew where the site's writes stood in its way.

    They may hold a row for long; and a push may link a contact in the moment in which a pull
    creates it. Raises what the fourth try raises.
    """
    for _try in range(TRIES - 1):
        try:
            with transaction.atomic():
                return write()
        except (IntegrityError, OperationalError):
            sleep(PAUSE_SECONDS * random.uniform(0.5, 1.0))
    with transaction.atomic():
        return write()
