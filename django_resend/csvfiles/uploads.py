"""Uploaded files: kept under a private random name until they are imported."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import IO, Any

from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import Job
from .errors import FileRefused

FOLDER = "django_resend_imports"

ABANDONED = timedelta(days=1)
"""An upload that nobody imported is removed at the next upload after so long."""


def keep(upload: Any) -> str:
    """Store an uploaded file; returns its name in the default storage."""
    remove_abandoned()
    return default_storage.save(f"{FOLDER}/{secrets.token_hex(16)}.csv", upload)


@contextmanager
def kept(name: str) -> Iterator[IO[bytes]]:
    """The stored file, open for reading. Raises ``FileRefused`` if it is gone."""
    try:
        file = default_storage.open(name, "rb")
    except FileNotFoundError:
        raise FileRefused(_("The uploaded file is gone. Upload it again.")) from None
    with file:
        yield file


def remove(name: str) -> None:
    """Remove the stored file, if it is there."""
    default_storage.delete(name)


def remove_abandoned() -> None:
    """Remove what was uploaded long ago, unless a job still needs it."""
    needed = set(
        Job.objects.filter(operation__startswith="csv_", state__in=Job.UNFINISHED).values_list(
            "arguments__file", flat=True
        )
    )
    try:
        _folders, names = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return
    for name in (f"{FOLDER}/{one}" for one in names):
        if name not in needed and _is_old(name):
            remove(name)


def _is_old(name: str) -> bool:
    try:
        return default_storage.get_modified_time(name) < timezone.now() - ABANDONED
    except FileNotFoundError:
        return False  # Another upload has removed it.
