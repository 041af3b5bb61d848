"""A process of the site that only edits: it never waits for Resend, the broker or a worker.

Usage: python -m tests.torture.writer FILE SEED EDITS PAUSE_SECONDS
FILE holds what the mirror must come to, as JSON; it is read first and written last.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import django


def main(file: str, seed: str, edits: str, pause: str) -> None:
    django.setup()
    from tests.celery_app import app

    from .edits import Editor

    app.set_default()
    path = Path(file)
    known = json.loads(path.read_text()) if path.exists() else {}
    editor = Editor(int(seed), known.get("expected"), start=known.get("start", 0))
    slowest = 0.0
    for number in range(int(edits)):
        began = time.monotonic()
        editor.edit()
        # The first broker call of a process loads libraries: not what an edit costs.
        slowest = max(slowest, (time.monotonic() - began) if number else 0.0)
        time.sleep(float(pause))
    path.write_text(
        json.dumps(
            {
                "expected": editor.expected,
                "start": editor.serial,
                "slowest": max(slowest, known.get("slowest", 0.0)),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
