"""Which local rows a sweep has met: a set of keys that stays small and can be stored."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator

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

    def __len__(self) -> int:
        return sum(int.from_bytes(bits, "little").bit_count() for bits in self._chunks.values())

    def above(self, key: int) -> Iterator[int]:
        """The keys greater than this one, in their order."""
        for chunk in sorted(number for number in self._chunks if number >= key // CHUNK_BITS):
            first = chunk * CHUNK_BITS
            for place, byte in enumerate(self._chunks[chunk]):
                for bit in range(8) if byte else ():
                    found = first + place * 8 + bit
                    if byte & 1 << bit and found > key:
                        yield found

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
