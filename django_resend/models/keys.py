"""Keys that compare alike on every database, whatever its collation.

MariaDB's usual collations hold ``jose`` and ``josé``, ``plan`` and ``Plan`` for equal; SQLite folds
only ASCII. A key made of lower-case ASCII means the same everywhere.
"""

from __future__ import annotations

import hashlib
import unicodedata

MAX_LENGTH = 255


def email_key(address: str) -> str:
    """The key under which an address is unique: letter case and Unicode form don't count."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", address.strip()).lower())
    return _bounded(folded.encode("unicode_escape").decode("ascii"))


def exact_key(text: str) -> str:
    """A key for a case-sensitive name: ``Plan`` and ``plan`` get different keys."""
    marked = "".join(f"^{char.lower()}" if char.isupper() else char for char in text)
    return _bounded(marked.encode("unicode_escape").decode("ascii"))


def _bounded(key: str) -> str:
    if len(key) <= MAX_LENGTH:
        return key
    digest = hashlib.sha256(key.encode("ascii")).hexdigest()
    return f"{key[: MAX_LENGTH - len(digest) - 1]}#{digest}"
