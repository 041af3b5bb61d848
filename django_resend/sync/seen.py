"""Which local rows a sweep has met: a set of keys that stays small and can be stored."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable

CHUNK_BITS = 8192


class Seen:
    """A set of positive integers, one bit each.

    A sweep over a million rows needs 125 kB; runs of neighbours, the usual case, pack to nearly
    nothing in ``pack()``.
    """

    def __init__(self, keys: Iterable[int] = ()) -> None:
        self._chunks: dict[int, bytearray] = {}
        self.add(keys)

    def add(self, keys: Iterable[int]) -> None:
        for key in keys:
            chunk, bit = divmod(key, CHUNK_BITS)
            bits = self._chunks.get(chunk)
            if bits is None:
                bits = self._chunks[chunk] = bytearray(CHUNK_BITS // 8)
            bits[bit >> 3] |= 1 << (bit & 7)

    def __contains__(self, key: int) -> bool:
        chunk, bit = divmod(key, CHUNK_BITS)
        bits = self._chunks.get(chunk)
        return bits is not None and bool(bits[bit >> 3] & 1 << (bit & 7))

    def pack(self) -> dict[str, str]:
        """The set as JSON."""
        return {
            str(chunk): base64.b64encode(zlib.compress(bytes(bits), 1)).decode("ascii")
            for chunk, bits in self._chunks.items()
        }

    @classmethod
    def unpack(cls, packed: dict[str, str]) -> Seen:
        seen = cls()
        for chunk, text in packed.items():
            seen._chunks[int(chunk)] = bytearray(zlib.decompress(base64.b64decode(text)))
        return seen
