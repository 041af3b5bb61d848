"""The demo as a person runs it: a copy of the site, with fewer contacts, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2]
CONTACTS = 120
SECONDS = 60


@dataclass(frozen=True)
class Site:
    """A copy of the example site at ``home``."""

    home: Path

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `manage.py demo` with these arguments and environment variables."""
        return subprocess.Popen(
            [sys.executable, "manage.py", "demo", *arguments],
            cwd=self.home,
            env=_environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run it to its end; returns exit code and output."""
        with self.start(*arguments, **variables) as process:
            output, _ = process.communicate(timeout=SECONDS)
        return process.returncode, output

    def processes(self) -> list[int]:
        """The ids of all processes that work in the copy."""
        if not Path("/proc/self/cwd").exists():
            pytest.skip("this system doesn't tell where a process works")
        found = []
        for entry in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if entry.readlink() == self.home:
                    found.append(int(entry.parent.name))
            except OSError:
                continue  # it ended meanwhile, or is another user's
        return found


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Ours without what would configure the site."""
    strange = ("RESEND_", "DJANGO_", "CELERY_", "DATABASE_URL", "CACHE_URL", "VAR_DIR", "DEBUG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    return {**kept, **variables}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    home = tmp_path / "a clone+copy #1 für 100%41"
    home.mkdir()
    shutil.copy(HERE / "manage.py", home)
    shutil.copytree(
        HERE / "example_project",
        home / "example_project",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    people = home / "example_project" / "demo" / "data" / "contacts.csv"
    lines = people.read_text(encoding="utf-8").splitlines(keepends=True)
    people.write_text("".join(lines[: CONTACTS + 1]), encoding="utf-8")
    return Site(home)
