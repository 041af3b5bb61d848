"""The memory of a pull does not grow with what it pulls."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
MEASURE = "import json, pull; print(json.dumps([pull.measure(n).megabytes for n in (500, 8000)]))"


@pytest.mark.slow
def test_sixteen_times_the_contacts_take_hardly_more_memory() -> None:
    # In a small process: a child's peak includes that of its parent.
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=BENCHMARKS, capture_output=True, text=True, check=True
    )

    few, many = json.loads(measured.stdout.splitlines()[-1])
    assert many - few < 10  # megabytes; 8000 contacts held at once would take more than 20
