"""axe-core, where it is installed on this machine: `npm install -g axe-core`."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRAVE = ("serious", "critical")


@cache
def axe_source() -> str | None:
    """The script, from AXE_CORE or from npm's global folder; ``None`` where there is none."""
    path = Path(os.environ.get("AXE_CORE") or _global_folder() / "axe-core/axe.min.js")
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _global_folder() -> Path:
    npm = shutil.which("npm")
    if npm is None:
        return Path("/nowhere")
    asked = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=False)
    return Path(asked.stdout.strip() or "/nowhere")


def serious(page: Page) -> list[str]:
    """The serious violations on a page, a line each: the rule, and what breaks it."""
    page.evaluate(axe_source() or "")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]
