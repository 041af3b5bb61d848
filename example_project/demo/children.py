"""The processes that the demo starts, and sees to the end of."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from example_project.demo.errors import DemoFailed

PATIENCE_SECONDS = 10.0
LOG_LINES_SHOWN = 15


class Children:
    """Child processes, each in a session of its own, with a log file each; a context manager.

    All end with the block, and if this process is killed, by themselves.
    """

    def __init__(self, home: Path, logs: Path) -> None:
        self._home = home
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def start(self, name: str, module: str, *arguments: str) -> None:
        """Start `python -m module arguments`."""
        command = [sys.executable, "-m", "example_project.demo.child", module, *arguments]
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603  (our own commands)
                command,
                cwd=self._home,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Raise ``DemoFailed``, with the end of its log, if one of them has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                lines = self.log(name).read_text(errors="replace").splitlines()
                end = "\n".join(lines[-LOG_LINES_SHOWN:])
                raise DemoFailed(f"The {name} ended with code {process.returncode}:\n{end}")

    def wait_for(self, what: str, met: Callable[[], bool]) -> None:
        """Wait until a condition is met. Raises ``DemoFailed`` where it never is."""
        deadline = time.monotonic() + PATIENCE_SECONDS * 3
        while not met():
            self.check()
            if time.monotonic() > deadline:
                raise DemoFailed(f"{what} did not happen; see the logs in {self._logs}.")
            time.sleep(0.05)

    def _stop(self) -> None:
        """Ask all to end, and end those that don't. A further Ctrl-C doesn't disturb it."""
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, signal.SIG_IGN) for number in wanted]
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + PATIENCE_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
            # The worker's own children may outlive it by a moment.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdin:
                process.stdin.close()
        self._running.clear()
        for number, handler in zip(wanted, before, strict=True):
            signal.signal(number, handler)


def free_port(first: int) -> int:
    """The first port from this one on that nobody listens on at 127.0.0.1."""
    for port in range(first, min(first + 100, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DemoFailed(f"No free port from {first} on.")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
