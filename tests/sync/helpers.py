"""What several specifications of the engine need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import ceil
from typing import Any

import time_machine
from django.utils import timezone

from django_resend.client import Client, Reply
from django_resend.models import (
    Contact,
    ContactProperty,
    MembershipRemoval,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Tombstone,
    Topic,
    TopicSubscription,
)
from django_resend.testing import FakeResend

MIRROR: tuple[Any, ...] = (
    Contact,
    Segment,
    Topic,
    ContactProperty,
    SegmentMembership,
    TopicSubscription,
)
TABLES = (*MIRROR, MembershipRemoval, OutboxEntry, Tombstone)


def rows() -> dict[str, list[dict[str, Any]]]:
    """Every row of the mirror, the outbox and the tombstones."""
    return {model.__name__: list(model._base_manager.order_by("pk").values()) for model in TABLES}


@contextmanager
def later(**span: float) -> Iterator[None]:
    """Some time on, an hour unless told: the last push and pull are long past."""
    with time_machine.travel(timezone.now() + timedelta(**(span or {"hours": 1}))):
        yield


def formula(fake: FakeResend, *, deep: bool) -> int:
    """The calls of a pull by Resend's page size of 100, from what the fake holds."""
    state = fake.state()
    lists = ("contacts", "segments", "topics", "contact_properties")
    calls = sum(pages(len(state[name])) for name in lists)
    calls += sum(pages(segment["members"]) for segment in state["segments"])
    if deep:
        calls += len(state["contacts"]) * (1 + pages(len(state["topics"])))
    return calls


def pages(count: int) -> int:
    return max(1, ceil(count / 100))


class Watcher:
    """Follows a pull by its progress; ``on_page`` is called after each page, its stage's first 1.

    An act at Resend between two pages of a list is done there.
    """

    def __init__(self, on_page: Callable[[str, int], None] = lambda stage, page: None) -> None:
        self.notes: list[str] = []
        self.stages: list[tuple[str, int | None]] = []
        self._on_page = on_page
        self._page = 0

    def stage(self, name: str, total: int | None) -> None:
        self.stages.append((name, total))
        self._page = 0

    def advance(self, rows: int) -> None:
        self._page += 1
        self._on_page(self.stages[-1][0], self._page)

    def note(self, message: str) -> None:
        self.notes.append(message)

    def close(self) -> None:
        self.stages.append(("", None))


class Throttle:
    """Lets every call through, and does something just before one of them."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self._left = number
        self._act = act

    def wait(self) -> None:
        self._left -= 1
        if not self._left:
            self._act()

    def learn(self, reply: Reply) -> None:
        pass


def client_of(fake: FakeResend, throttle: Throttle | None = None) -> Client:
    return Client("re_test", base_url=fake.url, throttle=throttle)
