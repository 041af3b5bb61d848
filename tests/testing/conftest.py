from __future__ import annotations

import pytest

from django_resend.testing import Clock, FakeResend

from .caller import Caller

NOON = 1_790_000_000


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def fake(clock: Clock) -> FakeResend:
    return FakeResend(clock=clock)


@pytest.fixture
def call(fake: FakeResend) -> Caller:
    return Caller(fake)
