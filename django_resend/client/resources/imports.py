"""Imports of contacts from CSV. Resend docs: Contacts, Import contacts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Literal

from django_resend.client.multipart import Multipart
from django_resend.client.paging import MAX_LIMIT, Page
from django_resend.client.resources.base import (
    Resource,
    segment_objects,
    told_text,
    topic_objects,
)
from django_resend.client.rows import ImportRow

ALL = "/contacts/imports"
ONE = "/contacts/imports/{import}"

# The lowest of the limits that Resend's sources name.
MAX_FILE_BYTES = 50_000_000


class Imports(Resource):
    """Resend works on an import after it has answered: poll `get`."""

    def create(
        self,
        file: BinaryIO,
        *,
        filename: str,
        column_map: Mapping[str, object] | None,
        on_conflict: Literal["upsert", "skip"],
        segments: Iterable[str] = (),
        topics: Mapping[str, str] | None = None,
    ) -> str:
        """Upload a seekable binary file from its current position and return the import's id.

        The file is sent while it is read, never held in memory. Segments and topics go to all rows.
        A repeated call is a second import. Raises ValueError for a file that is empty or not below
        50 MB.
        """
        if on_conflict not in ("upsert", "skip"):
            raise ValueError(f"on_conflict is upsert or skip, not {on_conflict!r}")
        fields: dict[str, str] = {"on_conflict": on_conflict}
        optional = {
            "column_map": column_map,
            "segments": segment_objects(segments),
            "topics": topic_objects(topics or {}),
        }
        fields.update({key: json.dumps(value) for key, value in optional.items() if value})
        upload = Multipart(fields, file, filename=filename)
        if not 0 < upload.file_bytes < MAX_FILE_BYTES:
            raise ValueError(f"an import needs 1 to {MAX_FILE_BYTES - 1} bytes")
        told = self._transport.request("POST", ALL, upload=upload)
        return told_text("POST", ALL, told, "id")

    def get(self, id: str) -> ImportRow:
        """Return one import with its status and counts; raises NotFound."""
        return self._get(ONE, {"import": id}, ImportRow.read)

    def page(
        self, after: str | None = None, limit: int = MAX_LIMIT, status: str | None = None
    ) -> Page[ImportRow]:
        """Return one page, newest first, of all imports or those with this status."""
        return self._page(ALL, ImportRow.read, after=after, limit=limit, status=status)

    def pages(
        self, status: str | None = None, after: str | None = None
    ) -> Iterator[Page[ImportRow]]:
        """Yield all pages; raises BrokenWalk when the end cannot be reached."""
        return self._pages(ALL, ImportRow.read, after=after, status=status)
