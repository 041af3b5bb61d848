"""One-second windows by the fake's clock, as the vendor counts calls. Resend docs: Rate limit."""

from __future__ import annotations

from collections import deque

from .replies import ApiError

_SECOND = 1_000_000
NO_LIMIT = 1_000_000


class FixedWindow:
    """Calls since the clock's last whole second."""

    def __init__(self) -> None:
        self._second = -1
        self._calls = 0

    def count(self, now: int) -> int:
        if now // _SECOND != self._second:
            self._second, self._calls = now // _SECOND, 0
        return self._calls

    def add(self, now: int) -> int:
        """Count one more call and say how many the window holds."""
        self._calls = self.count(now) + 1
        return self._calls


class SlidingWindow:
    """Calls within the last second, wherever that second starts."""

    def __init__(self) -> None:
        self._moments: deque[int] = deque()

    def count(self, now: int) -> int:
        while self._moments and self._moments[0] <= now - _SECOND:
            self._moments.popleft()
        return len(self._moments)

    def add(self, now: int) -> int:
        """Count one more call and say how many the window holds."""
        self._moments.append(now)
        return self.count(now)


Window = FixedWindow | SlidingWindow


def window(kind: str) -> Window:
    return SlidingWindow() if kind == "sliding" else FixedWindow()


class Limiter:
    """Lets `rate` calls through per window; 0 lets all through and announces 1,000,000."""

    def __init__(self, rate: int, kind: str) -> None:
        self.rate = rate or NO_LIMIT
        self._kind = kind
        self.reset()

    def reset(self) -> None:
        """Start with an unused window."""
        self._window = window(self._kind)

    def admit(self, now: int) -> bool:
        """Count the call, unless it is one too many: a refused call uses nothing up."""
        if self._window.count(now) >= self.rate:
            return False
        self._window.add(now)
        return True

    def refusal(self) -> ApiError:
        message = f"Too many requests. You can only make {self.rate} requests per second."
        return ApiError(429, "rate_limit_exceeded", message)

    def headers(self, now: int) -> dict[str, str]:
        """The four headers that come with every reply."""
        left = max(0, self.rate - self._window.count(now))
        return {
            "ratelimit-limit": str(self.rate),
            "ratelimit-policy": f"{self.rate};w=1",
            "ratelimit-remaining": str(left),
            "ratelimit-reset": "1",
        }
