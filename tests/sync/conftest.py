from __future__ import annotations

import pytest


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between the tries of a call, in seconds: noted here instead of slept."""
    slept: list[float] = []
    monkeypatch.setattr("django_resend.sync.calls.sleep", slept.append)
    return slept
