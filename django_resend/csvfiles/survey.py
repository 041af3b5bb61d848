"""One walk through a whole file before anything is done with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, Any

from ..models import email_key
from ..sync.progress import Progress, Silent
from ..sync.seen import Seen
from .cells import cell_text
from .encoding import detect
from .records import Format, read_records
from .repeats import Repeats
from .sniffing import SAMPLE_BYTES, sniff

TELL_EVERY = 1000


@dataclass
class Survey:
    """What is known of a file: its format, its number of records, which repeat an address."""

    format: Format
    total: int = 0
    repeats: Seen = field(default_factory=Seen)

    def pack(self) -> dict[str, Any]:
        """The survey as JSON."""
        return {
            "format": self.format.pack(),
            "total": self.total,
            "repeats": self.repeats.pack(),
        }

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> Survey:
        return cls(Format.unpack(packed["format"]), packed["total"], Seen.unpack(packed["repeats"]))


def peek(file: IO[bytes]) -> Format:
    """The format as its beginning tells it, in no time. Raises ``FileRefused``."""
    return sniff(file, detect(file, limit=SAMPLE_BYTES))


def read_format(file: IO[bytes]) -> Format:
    """The format, its encoding proved by every byte. Raises ``FileRefused``."""
    return sniff(file, detect(file))


def survey(
    file: IO[bytes],
    format: Format,
    address_column: int,
    *,
    progress: Progress | None = None,
) -> Survey:
    """Count the records and find the repeated addresses; some 9 bytes of memory a record."""
    progress = progress or Silent()
    repeats = Repeats()
    for record in read_records(file, format):
        cells = record.cells
        address = cell_text(cells[address_column]) if address_column < len(cells) else ""
        if key := email_key(address):
            repeats.add(key)
        else:
            repeats.skip()
        if len(repeats) % TELL_EVERY == 0:
            progress.advance(TELL_EVERY)
    progress.advance(len(repeats) % TELL_EVERY)
    return Survey(format, len(repeats), repeats.find())
