"""Databases of the benchmarks' own: migrated once, copied for every run, dropped at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]


class Databases(Protocol):
    """``fresh`` is the URL of a new copy of the migrated database; one at a time."""

    def fresh(self) -> str: ...


def child_env(database: str, fake: str = "", *, limited: bool = False) -> dict[str, str]:
    """The environment of a child process; unless ``limited`` it takes the fake's word for none."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RESEND_")}
    env |= {
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
        "RESEND_BASE_URL": fake or "http://127.0.0.1:9",
    }
    return env if limited else {**env, "BENCHMARK_UNLIMITED": "1"}


def migrate(url: str) -> None:
    command = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity=0"]
    subprocess.run(command, env=child_env(url), cwd=ROOT, check=True)


class SqliteFiles:
    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.sqlite3"
        self._file = folder / "run.sqlite3"
        migrate(f"sqlite:///{self._template}")

    def fresh(self) -> str:
        for leftover in self._file.parent.glob("run.sqlite3*"):
            leftover.unlink()
        shutil.copy(self._template, self._file)
        return f"sqlite:///{self._file}"


class PostgresDatabases:
    def __init__(self, server: str) -> None:
        self._server = server
        self._name = f"resend_benchmark_{os.getpid()}"
        self._template = f"{self._name}_template"

    def create(self) -> None:
        self._execute(f"CREATE DATABASE {self._template}")
        migrate(self._url(self._template))

    def fresh(self) -> str:
        self._execute(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")
        self._execute(f"CREATE DATABASE {self._name} TEMPLATE {self._template}")
        self._execute("CHECKPOINT")
        return self._url(self._name)

    def drop(self) -> None:
        for name in (self._name, self._template):
            self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _url(self, name: str) -> str:
        return urlsplit(self._server)._replace(path=f"/{name}").geturl()

    def _execute(self, statement: str) -> None:
        import psycopg  # here, so that the parent stays small where SQLite is measured

        address = urlsplit(self._server)._replace(scheme="postgresql").geturl()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def databases(kind: str, server: str) -> Iterator[Databases]:
    """Databases of this kind (sqlite or postgres); ``server`` is the URL of one on the server."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield SqliteFiles(Path(folder))
        return
    postgres = PostgresDatabases(server)
    try:
        postgres.create()
        yield postgres
    finally:
        postgres.drop()
