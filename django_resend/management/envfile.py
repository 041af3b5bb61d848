"""Writing the webhook's secret into a file of environment variables."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "RESEND_WEBHOOK_SECRET"


def write_secrets(path: Path, secrets: str) -> None:
    """Set the variable in the file, made readable by its owner only; other lines stay."""
    old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    ours = (f"{VARIABLE}=", f"export {VARIABLE}=")
    kept = [line for line in old if not line.startswith(ours)]
    lines = [*kept, f'{VARIABLE}="{secrets}"']
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    # A draft first: a full disk must not cost the file, nor others see the secret for a moment.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    if path.exists():
        draft.chmod(path.stat().st_mode & 0o777)
    draft.replace(path)
