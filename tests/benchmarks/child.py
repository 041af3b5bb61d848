"""One step of one run, in a process of its own; prints what it found as one line of JSON.

Usage: python -m tests.benchmarks.child prepare|measure|check CONTENDER SCENARIO SIZE
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

import django

from .contenders import MODULES
from .fakes import Fake
from .scenarios import SCENARIOS, perform


def main(step: str, name: str, scenario: str, size: int) -> dict[str, Any]:
    django.setup()
    if step == "check":
        from .equality import differences

        fake = Fake(os.environ["RESEND_BASE_URL"])
        found = differences(fake, name, deep=SCENARIOS[scenario].deep)
        return {"differences": len(found), "first": found[:3]}
    contender: Any = importlib.import_module(MODULES[name])
    if step == "prepare":
        contender.pull()
        return {}
    from .meter import Meter

    meter = Meter()
    meter.run(lambda: perform(contender, scenario, size))
    return meter.report()


if __name__ == "__main__":
    step, name, scenario, size = sys.argv[1:]
    sys.stdout.write(json.dumps(main(step, name, scenario, int(size))) + "\n")
