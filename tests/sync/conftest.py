from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_resend.testing import FakeResend


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between the tries of a call, in seconds: noted here instead of slept."""
    slept: list[float] = []
    monkeypatch.setattr("django_resend.sync.calls.sleep", slept.append)
    return slept


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The pauses, noted here; instead of being slept they move all clocks, the fake's too."""
    slept: list[float] = []
    with time_machine.travel(timezone.now()) as clock:

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            clock.shift(timedelta(seconds=seconds))

        monkeypatch.setattr("django_resend.sync.calls.sleep", sleep)
        yield slept


@pytest.fixture(autouse=True)
def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page is stored as it comes, as where calls are slow: the fake answers at once."""
    monkeypatch.setattr("django_resend.sync.reading.GATHERED_PAGES", 1)


@pytest.fixture
def imports_from_three(resend_fake: FakeResend, settings: Any) -> None:
    """Three contacts with the same sort of change are enough for an import."""
    settings.RESEND = {**settings.RESEND, "BULK_THRESHOLD": 3}
