from __future__ import annotations

from typing import Any

import pytest

from django_resend.sync.calls import patiently


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between the tries of a call, in seconds: noted here instead of slept."""
    slept: list[float] = []
    defaults: dict[str, Any] = patiently.__kwdefaults__
    monkeypatch.setitem(defaults, "sleep", slept.append)
    return slept
