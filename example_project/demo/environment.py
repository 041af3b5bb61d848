"""The environment of a demo: its own database, broker and key, whatever the user's shell says.

Settings are read when Django starts, so the command starts its own process anew in it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from example_project.demo.errors import DemoFailed

FAKE_KEY = "re_test"

MARK = "DJANGO_RESEND_DEMO"
"""Holds the id of the process that was started anew; replacing the program keeps it."""


def is_prepared() -> bool:
    return os.environ.get(MARK) == str(os.getpid())


def start_anew(folder: Path, *, live: bool) -> NoReturn:
    """Empty the folder, and replace this process by the same command in the demo's environment.

    Raises ``DemoFailed`` while another demo works in that folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _lock(folder.with_suffix(".lock"))
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    environment = {**os.environ, MARK: str(os.getpid()), **_variables(folder, live=live)}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606


def _lock(path: Path) -> None:
    """Hold the file until this process ends, also through its new start."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DemoFailed(f"Another demo is running here; it holds {path}.") from error
    os.set_inheritable(handle, True)


def _variables(folder: Path, *, live: bool) -> dict[str, str]:
    shared = {
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{quote(str(folder / 'db.sqlite3'))}",
        "CACHE_URL": "locmemcache://",
        "CELERY_BROKER_URL": "filesystem://localhost",
        "DEBUG": "True",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
    }
    if live:
        return {**shared, "RESEND_DIRECTION": "pull"}
    return {
        **shared,
        "RESEND_API_KEY": FAKE_KEY,
        "RESEND_DIRECTION": "both",
        # The fake is on this machine, where no proxy could reach it.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
