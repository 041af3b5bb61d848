"""The contenders: this project, and what one would write instead of installing it."""

from __future__ import annotations

from collections.abc import Mapping

PACKAGE = "tests.benchmarks.contenders"

MODULES: Mapping[str, str] = {
    "ours": f"{PACKAGE}.ours",
    "B0": f"{PACKAGE}.signals",
    "B1": f"{PACKAGE}.loop",
    "B3": f"{PACKAGE}.script_push",
}
