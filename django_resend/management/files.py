"""The files that commands read and write; ``-`` is standard input or output."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TypeVar

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from ..csvfiles.errors import FileRefused
from ..csvfiles.references import References
from ..csvfiles.targets import missing
from ..models import Segment, Topic
from .base import COULD_NOT_RUN

STANDARD = "-"

T = TypeVar("T", Segment, Topic)


@contextmanager
def could_not_run() -> Iterator[None]:
    """Turns what is wrong with a file into one sentence and the exit code for it."""
    try:
        yield
    except FileRefused as error:
        raise CommandError(str(error), returncode=COULD_NOT_RUN) from error
    except OSError as error:
        sentence = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise CommandError(sentence, returncode=COULD_NOT_RUN) from error


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """The file, open for reading from any place in it."""
    if name != STANDARD:
        with open(name, "rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        yield copy


@contextmanager
def written(name: str, *, beside: str = STANDARD) -> Iterator[IO[str]]:
    """The file, open for writing CSV to it, unless it is the one that is read ``beside``."""
    if beside != STANDARD and os.path.exists(name) and os.path.samefile(name, beside):
        raise FileRefused(_("%s is the file that is read: write to another one.") % name)
    with open(name, "w", encoding="utf-8", newline="") as file:
        yield file


def named(references: References[T], names: Iterable[str], kind: str) -> list[T]:
    """The segments or topics with these names or ids. Raises ``FileRefused``."""
    found = []
    for name in names:
        row = references.find(name)
        if row is None:
            raise FileRefused(missing(references, name, kind))
        found.append(row)
    return found
