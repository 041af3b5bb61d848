"""A fault, or the death of the process, at every single call of a push: the end is the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from django_resend.client import Client, Reply, errors
from django_resend.models import OutboxEntry
from django_resend.sync.limiter import resume
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from tests.oracle import differences
from tests.sync.conftest import pauses

from . import mixed
from .edits import Expected, actual
from .witness import Witness

__all__ = ["pauses"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("pauses"),
    pytest.mark.slow,
]

CALLS = 29
"""The calls of a push of the mixed outbox where nothing goes wrong."""

FAULTS: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "500 after": {"kind": "status", "status": 500, "after_effect": True},
    "html": {"kind": "html"},
    "html after": {"kind": "html", "after_effect": True},
    "429": {"kind": "429"},
    "quota": {"kind": "quota"},
    "timeout": {"kind": "timeout", "seconds": 0.3},
    "timeout after": {"kind": "timeout", "seconds": 0.3, "after_effect": True},
    "drop": {"kind": "drop"},
    "drop after": {"kind": "drop", "after_effect": True},
    "slow": {"kind": "slow", "seconds": 0.02},
    "too slow": {"kind": "slow", "seconds": 0.3},
}


def sampled(calls: int) -> list[tuple[str, int]]:
    """Every call meets every third fault; all of them where TORTURE_FULL is set."""
    return [
        (fault, call)
        for number, fault in enumerate(FAULTS)
        for call in range(1, calls + 1)
        if (number + call) % 3 == 0 or os.environ.get("TORTURE_FULL")
    ]


@pytest.fixture
def fake() -> Iterator[Witness]:
    fake = Witness()
    with (
        fake.serve(),
        override_settings(
            RESEND={
                "API_KEY": "re_test",
                "BASE_URL": fake.url,
                "RATE_LIMIT": 0,
                "CONCURRENCY": 1,
                "TIMEOUT": (1, 0.15),
            }
        ),
    ):
        mixed.fill(fake)
        yield fake
    fake.close()


class Killed(BaseException):
    """No code of the engine can catch it and go on."""


class KillAt:
    """Lets calls through and kills the process before one, or after its answer came."""

    def __init__(self, call: int, when: str) -> None:
        self._calls = 0
        self._call = call
        self._when = when

    def wait(self) -> None:
        self._calls += 1
        if self._when == "before" and self._calls == self._call:
            raise Killed

    def learn(self, reply: Reply) -> None:
        if self._when == "after" and self._calls == self._call:
            raise Killed


def at_call(number: int, act: Callable[[], None]) -> Callable[[str, str], None]:
    """A hook for the fake that acts on one call, by its number."""
    calls = 0

    def hook(method: str, path: str) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            act()

    return hook


def push_to_the_end() -> None:
    """Push as the periodic task does, once Resend works again and the quota was raised."""
    resume()
    for _push in range(5):
        OutboxEntry.objects.update(next_attempt_at=timezone.now())
        if push_outbox().complete:
            break


def assert_converged(fake: Witness, expected: Expected) -> None:
    assert list(OutboxEntry.objects.values_list("kind", "object_id", "error_message")) == []
    assert actual() == expected
    assert differences(fake) == []
    assert fake.twins() == []
    assert fake.overwritten == []
    assert fake.unexplained() == []
    assert pull_all().complete
    assert actual() == expected
    assert differences(fake) == []
    assert not OutboxEntry.objects.exists()


def test_the_mixed_push_converges_in_so_many_calls(fake: Witness) -> None:
    expected = actual()
    assert push_outbox().calls == CALLS
    assert_converged(fake, expected)


@pytest.mark.parametrize(("fault", "call"), sampled(CALLS))
def test_a_fault_at_any_call_changes_nothing_in_the_end(
    fake: Witness, fault: str, call: int
) -> None:
    expected = actual()
    fake.before_call = at_call(call, lambda: fake.faults.add(**FAULTS[fault]))
    with suppress(errors.ResendError):
        push_outbox()
    fake.faults.clear()
    push_to_the_end()
    assert_converged(fake, expected)


@pytest.mark.parametrize("call", range(1, CALLS + 1))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_call_changes_nothing_in_the_end(fake: Witness, when: str, call: int) -> None:
    expected = actual()
    killer = KillAt(call, when)
    with Client("re_test", base_url=fake.url, throttle=killer) as client, pytest.raises(Killed):
        push_outbox(client=client)
    push_to_the_end()
    assert_converged(fake, expected)
