"""Which records repeat the address of an earlier one."""

from __future__ import annotations

from array import array
from hashlib import blake2b

from ..sync.seen import Seen


class Repeats:
    """Collects the address keys of a whole file in nine bytes a record.

    Keys are compared by 72 bits of a digest: among ten million the odds of any mistake are one
    to some ninety million.
    """

    def __init__(self) -> None:
        self._parts = [array("Q") for _ in range(256)]
        self._order = bytearray()

    def __len__(self) -> int:
        return len(self._order)

    def add(self, key: str) -> None:
        """The key of the next record."""
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=9).digest()
        self._parts[digest[0]].append(int.from_bytes(digest[1:], "big"))
        self._order.append(digest[0])

    def skip(self) -> None:
        """The next record has no address."""
        self.add(f"\0{len(self)}")

    def find(self) -> Seen:
        """The numbers of the records that repeat an earlier one, counted from 0."""
        repeated = [_repeated(part) for part in self._parts]
        passed = [0] * 256
        found = Seen()
        for number, part in enumerate(self._order):
            if repeated[part] and passed[part] in repeated[part]:
                found.add([number])
            passed[part] += 1
        return found


def _repeated(part: array[int]) -> set[int]:
    """The places at which a digest comes again."""
    met: set[int] = set()
    places = set()
    for place, digest in enumerate(part):
        if digest in met:
            places.add(place)
        met.add(digest)
    return places
