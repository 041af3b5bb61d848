"""What some work costs a process: seconds, statements, transactions, rows written, memory."""

from __future__ import annotations

import re
import resource
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import connection

_WRITE = re.compile(r'\s*(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
_BRACKET = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)", re.IGNORECASE)


class Meter:
    """Counts while it is entered. ``statements`` leaves out those that bracket transactions."""

    def __init__(self) -> None:
        self.statements = 0
        self.transactions = 0
        self.rows_written: Counter[str] = Counter()
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.start_megabytes = 0.0
        self.peak_megabytes = 0.0
        self._table = ""
        self._changes = 0

    def run(self, work: Callable[[], object]) -> None:
        connection.ensure_connection()
        self.start_megabytes = _peak_megabytes()
        commit = connection._commit  # type: ignore[attr-defined]

        def counted() -> None:
            self.transactions += 1
            commit()

        connection._commit = counted  # type: ignore[attr-defined]
        self._changes = _changes()
        started, used = time.perf_counter(), time.process_time()
        with connection.execute_wrapper(self._execute):
            work()
        self.cpu_seconds = time.process_time() - used
        self.seconds = time.perf_counter() - started
        self.peak_megabytes = _peak_megabytes()
        self._book()

    def report(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "statements": self.statements,
            "transactions": self.transactions,
            "rows_written": dict(self.rows_written),
            "start_megabytes": self.start_megabytes,
            "peak_megabytes": self.peak_megabytes,
        }

    def _execute(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self._book()
        if _BRACKET.match(sql):
            return execute(sql, params, many, context)
        self.statements += 1
        written = _WRITE.match(sql)
        self._table = written[1] if written else ""
        result = execute(sql, params, many, context)
        if written and connection.vendor != "sqlite":
            self.rows_written[self._table] += max(0, context["cursor"].rowcount)
        return result

    def _book(self) -> None:
        """SQLite knows the rows of an INSERT ... RETURNING only when they have been read."""
        changes = _changes()
        if changes > self._changes and self._table:
            self.rows_written[self._table] += changes - self._changes
        self._changes = changes


def _changes() -> int:
    if connection.vendor != "sqlite":
        return 0
    return int(connection.connection.total_changes)


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
