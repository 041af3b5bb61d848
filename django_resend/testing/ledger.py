"""The account of calls: what a plan promised can be held against it."""

from __future__ import annotations

from collections import Counter

from .limiter import window


class Ledger:
    """Calls since the last reset.

    `by_route` has keys such as "GET /contacts/{id}"; `busiest_second` is the most calls answered,
    429 excepted, within one window of the limiter's kind.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.reset()

    def reset(self) -> None:
        self.total = 0
        self.rejected_429 = 0
        self.busiest_second = 0
        self.by_route: Counter[str] = Counter()
        self._window = window(self._kind)

    def record(self, route: str, status: int, now: int) -> None:
        self.total += 1
        self.by_route[route] += 1
        if status == 429:
            self.rejected_429 += 1
        else:
            self.busiest_second = max(self.busiest_second, self._window.add(now))

    def as_dict(self) -> dict[str, object]:
        return {
            "total": self.total,
            "by_route": dict(self.by_route),
            "rejected_429": self.rejected_429,
            "busiest_second": self.busiest_second,
        }
