"""Runs a module as a program that ends when the process that started it is gone.

`python -m example_project.demo.child MODULE [ARGUMENT ...]`, with a pipe as standard input whose
other end only the parent holds: it closes when the parent ends, however that happens.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def end_with_parent() -> None:
    # Not sys.stdin: its lock, held by a thread that never returns, would break a normal exit.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
