"""Segments. Resend docs: Segments."""

from __future__ import annotations

from collections.abc import Iterator

from django_resend.client.paging import MAX_LIMIT, Page
from django_resend.client.resources.base import Resource
from django_resend.client.rows import ContactRow, SegmentRow

ALL = "/segments"
ONE = "/segments/{segment}"
CONTACTS = "/segments/{segment}/contacts"


class Segments(Resource):
    """Names need not be unique: a segment is its id."""

    def page(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[SegmentRow]:
        """Return one page."""
        return self._page(ALL, SegmentRow.read, after=after, limit=limit)

    def pages(self, after: str | None = None) -> Iterator[Page[SegmentRow]]:
        """Yield all pages; raises BrokenWalk when the end cannot be reached."""
        return self._pages(ALL, SegmentRow.read, after=after)

    def get(self, segment: str) -> SegmentRow:
        """Return one segment; raises NotFound."""
        return self._get(ONE, {"segment": segment}, SegmentRow.read)

    def create(self, name: str) -> str:
        """Create a segment and return its id. A repeated call makes a second one."""
        return self._create(ALL, {"name": name})

    def rename(self, segment: str, name: str) -> None:
        """Rename a segment.

        Raises NotFound or MethodNotAllowed also where Resend does not offer renaming.
        """
        self._update(ONE, {"segment": segment}, {"name": name})

    def delete(self, segment: str) -> bool:
        """Delete a segment, not its contacts.

        False when Resend says that it was already absent; it may also say True for an id that never
        existed.
        """
        return self._delete(ONE, {"segment": segment})

    def contact_page(
        self, segment: str, after: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[ContactRow]:
        """Return one page of the segment's contacts; its rows have no properties."""
        return self._page(
            CONTACTS, ContactRow.read, after=after, limit=limit, parts={"segment": segment}
        )

    def contact_pages(self, segment: str, after: str | None = None) -> Iterator[Page[ContactRow]]:
        """Yield all pages of the segment's contacts."""
        return self._pages(CONTACTS, ContactRow.read, after=after, parts={"segment": segment})
