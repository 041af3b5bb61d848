"""What every test may rely on: no way to the internet, and a database child processes can share."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
from django.core.management.color import Style
from django.db import connection

from tests.guard import CallsGuard, guarded_calls

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


TORTURE = {"kills", "machine", "torture"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if TORTURE & set(item.path.parts):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True, scope="session")
def no_internet() -> Iterator[None]:
    """Looking up any host but this machine and the named test servers fails the test."""
    allowed = LOOPBACK | {
        urlsplit(os.environ.get(name, "")).hostname
        for name in ("TEST_REDIS_URL", "CACHE_URL", "DATABASE_URL")
    }
    look_up = socket.getaddrinfo

    def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in allowed:
            raise AssertionError(f"A test tried to reach {name!r}.")
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", guarded)
        yield


@pytest.fixture(autouse=True, scope="session")
def small_tables() -> Iterator[None]:
    """PostgreSQL empties them many times faster by DELETE than by TRUNCATE."""

    def flushed(style: Style, tables: Sequence[str], **options: bool) -> list[str]:
        # Foreign keys are looked at when the transaction ends.
        deletions = [" ".join(("DELETE FROM", connection.ops.quote_name(name))) for name in tables]
        return ["; ".join(deletions)]

    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "postgresql":
            patch.setattr(connection.ops, "sql_flush", flushed)
        yield


@pytest.fixture(autouse=True)
def calls_guard() -> Iterator[CallsGuard]:
    """Fails a test in which Resend is called inside a transaction or a web request."""
    with guarded_calls() as guard:
        yield guard


@pytest.fixture(autouse=True)
def patient_with_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that was down in one test is tried again in the next."""
    monkeypatch.setattr("django_resend.tasks._broker_down_until", 0.0)


@pytest.fixture(autouse=True)
def each_webhook_asks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is gathered with others, to be asked for when the next test runs."""
    monkeypatch.setattr("django_resend.tasks.GATHER_SECONDS", 0.0)


@pytest.fixture
def child_env(transactional_db: None) -> dict[str, str]:
    """The environment for a child process that works on this test's database."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        url = f"sqlite:///{name}"
    else:
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    return {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
