"""Time as the fake sees it, and the two spellings in which Resend writes it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000


class Clock:
    """A clock that tests can move: real time plus an offset, or standing still.

    Moments are whole microseconds since 1970 (`micros`), because the API shows microseconds and a
    float can't hold them exactly.
    """

    def __init__(self, frozen_at: datetime | float | None = None) -> None:
        self._offset = 0
        self._frozen: int | None = None
        if frozen_at is not None:
            self.set(frozen_at)

    def micros(self) -> int:
        """Microseconds since 1970."""
        if self._frozen is not None:
            return self._frozen
        return time.time_ns() // 1000 + self._offset

    def now(self) -> float:
        """Unix time in seconds."""
        return self.micros() / _SECOND

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds; a running clock keeps running from there."""
        step = round(seconds * _SECOND)
        if self._frozen is None:
            self._offset += step
        else:
            self._frozen += step

    def set(self, moment: datetime | float) -> None:
        """Stop the clock at a moment (aware datetime or Unix seconds)."""
        self._frozen = to_micros(moment)


def to_micros(moment: datetime | float) -> int:
    """An aware datetime or Unix seconds as whole microseconds since 1970."""
    if isinstance(moment, datetime):
        return (moment - _EPOCH) // timedelta(microseconds=1)
    return round(moment * _SECOND)


def postgres_text(micros: int) -> str:
    """`2026-03-04 05:06:07.84216+00`: trailing zeros of the fraction are not written."""
    moment = _EPOCH + timedelta(microseconds=micros)
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    if moment.microsecond:
        text += f".{moment.microsecond:06d}".rstrip("0")
    return text + "+00"


def iso_text(micros: int) -> str:
    """`2026-03-04T05:06:07.842Z`, the spelling of webhooks and of the documentation."""
    moment = _EPOCH + timedelta(microseconds=micros)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
