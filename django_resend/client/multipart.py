"""A multipart/form-data body that reads its file while it is sent, so memory stays flat."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from typing import BinaryIO

_CHUNK_BYTES = 64 * 1024


class Multipart:
    """Fields and one file, of which the rest from its current position is sent.

    Its length is known beforehand: a chunked upload is not something every proxy accepts.
    """

    def __init__(self, fields: Mapping[str, str], file: BinaryIO, *, filename: str) -> None:
        memoryview(file.read(0))  # a TypeError now for a file in text mode, not while sending
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._head = _head(boundary, fields, filename)
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        start = file.tell()
        self.file_bytes = file.seek(0, os.SEEK_END) - start
        file.seek(start)

    def __len__(self) -> int:
        return len(self._head) + self.file_bytes + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        left = self.file_bytes
        while left and (chunk := self._file.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
        yield self._tail


def _head(boundary: str, fields: Mapping[str, str], filename: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{_quoted(filename)}"\r\nContent-Type: text/csv\r\n\r\n'
    )
    return "".join(parts).encode()


def _quoted(filename: str) -> str:
    """Escape as browsers do, so that a filename cannot add a header."""
    return filename.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
