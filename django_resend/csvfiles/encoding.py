"""Which encoding a file is in: told by its mark, proved by its bytes, or guessed."""

from __future__ import annotations

import codecs
from typing import IO, NamedTuple

from django.utils.translation import gettext as _

from .errors import FileRefused

CHUNK_BYTES = 1 << 20
GUESS = "cp1252"

MARKS = [
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]
ZIP = b"PK\x03\x04"
"""How Excel's own files begin."""


class Encoding(NamedTuple):
    """``start`` is where the text begins, in bytes; ``guessed`` says that nothing proves it."""

    codec: str
    start: int = 0
    guessed: bool = False


def detect(file: IO[bytes], *, limit: int | None = None) -> Encoding:
    """Read the file, or its first ``limit`` bytes, and tell its encoding.

    What is not valid UTF-8 is taken for Windows-1252. Raises ``FileRefused`` for an empty file
    and for what is no text.
    """
    file.seek(0)
    head = file.read(1024)
    if not head:
        raise FileRefused(_("The file is empty."))
    if head.startswith(ZIP):
        raise FileRefused(
            _("This is an Excel workbook, not a CSV file. Save it as “CSV UTF-8” first.")
        )
    for mark, codec in MARKS:
        if head.startswith(mark):
            return _marked(file, codec, len(mark), limit)
    if head.count(0) * 4 > len(head):
        raise FileRefused(
            _("This looks like UTF-16 without its mark, or like no text. Save it as UTF-8.")
        )
    if _undecodable(file, "utf-8", 0, limit) is None:
        return Encoding("utf-8")
    position = _undecodable(file, GUESS, 0, limit)
    if position is not None:
        raise FileRefused(
            _("Byte %d fits neither UTF-8 nor Windows-1252. Save the file as UTF-8.") % position
        )
    return Encoding(GUESS, guessed=True)


def _marked(file: IO[bytes], codec: str, start: int, limit: int | None) -> Encoding:
    position = _undecodable(file, codec, start, limit)
    if position is not None:
        raise FileRefused(
            _("The file says it is %(codec)s, but byte %(byte)d is not. Save it as UTF-8.")
            % {"codec": codec.upper(), "byte": position}
        )
    return Encoding(codec, start)


def _undecodable(file: IO[bytes], codec: str, start: int, limit: int | None) -> int | None:
    """The position of the first byte that this encoding doesn't have."""
    decoder = codecs.getincrementaldecoder(codec)()
    file.seek(start)
    done = start
    while True:
        size = CHUNK_BYTES if limit is None else min(CHUNK_BYTES, limit - done)
        chunk = file.read(size) if size > 0 else b""
        kept = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not chunk and limit is None)
        except UnicodeDecodeError as error:
            return done - kept + error.start
        if not chunk:
            return None
        done += len(chunk)
