"""Keeps keys and secrets out of every text that people may see."""

from __future__ import annotations

import re

HIDDEN = "[hidden]"

# Resend's API keys start with "re_" and webhook signing secrets with "whsec_". A letter or digit
# before the prefix means an ordinary word, such as "more_info".
_SECRET = re.compile(r"(?<![A-Za-z0-9_])(?:re|whsec)_[\w.%+/=~-]+")


def redact(text: str, *secrets: str) -> str:
    """Return `text` without the given secrets and without anything that looks like one."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return _SECRET.sub(HIDDEN, text)


def presentable(text: str, *secrets: str, length: int = 500) -> str:
    """Return redacted `text` as one line of at most `length` characters, fit for logs and pages."""
    printable = "".join(mark if mark.isprintable() else " " for mark in text)
    line = redact(" ".join(printable.split()), *secrets)
    return line if len(line) <= length else line[: length - 1] + "…"
