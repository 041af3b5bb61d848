"""Who gives way where the engine and the site's own transactions wait for each other's rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

PATIENCE_MS = 500
"""Shorter than the second after which PostgreSQL looks for deadlocks and fails either side."""


@contextmanager
def giving_way() -> Iterator[None]:
    """Within it the engine fails with ``OperationalError`` rather than wait long for a row.

    So a save of the site isn't the one that fails. Only PostgreSQL needs and knows it.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {PATIENCE_MS}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
