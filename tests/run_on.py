"""Runs the test suite on the database server that an environment variable names.

Usage: python tests/run_on.py TEST_POSTGRES_URL [pytest's arguments]
Without that variable it says so and succeeds. TEST_REDIS_URL, when set, becomes the cache.
"""

from __future__ import annotations

import os
import subprocess
import sys


def main(variable: str, *arguments: str) -> int:
    if not os.environ.get(variable):
        print(f"skipped: {variable} is not set")
        return 0
    env = {**os.environ, "DATABASE_URL": os.environ[variable]}
    if os.environ.get("TEST_REDIS_URL"):
        env["CACHE_URL"] = os.environ["TEST_REDIS_URL"]
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=env).returncode


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
