"""Why a file, or what was asked of it, can't be imported at all."""

from __future__ import annotations


class FileRefused(ValueError):
    """The message tells a person what is wrong and what to do."""
