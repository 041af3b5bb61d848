"""Definitions of contact properties. Resend docs: Contact Properties."""

from __future__ import annotations

from collections.abc import Iterator

from django_resend.client.paging import MAX_LIMIT, Page
from django_resend.client.resources.base import Resource
from django_resend.client.rows import PropertyRow

ALL = "/contact-properties"
ONE = "/contact-properties/{property}"


class Properties(Resource):
    """Key and type are fixed at creation."""

    def page(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[PropertyRow]:
        """Return one page."""
        return self._page(ALL, PropertyRow.read, after=after, limit=limit)

    def pages(self, after: str | None = None) -> Iterator[Page[PropertyRow]]:
        """Yield all pages; raises BrokenWalk when the end cannot be reached."""
        return self._pages(ALL, PropertyRow.read, after=after)

    def get(self, property: str) -> PropertyRow:
        """Return one definition; raises NotFound."""
        return self._get(ONE, {"property": property}, PropertyRow.read)

    def create(
        self, *, key: str, type: str, fallback_value: str | int | float | None = None
    ) -> str:
        """Define a property and return its id; `type` is "string" or "number"."""
        if type not in ("string", "number"):
            raise ValueError(f"a property is a string or a number, not {type!r}")
        body: dict[str, object] = {"key": key, "type": type}
        if fallback_value is not None:
            body["fallback_value"] = fallback_value
        return self._create(ALL, body)

    def update(self, property: str, fallback_value: str | int | float | None) -> None:
        """Change the fallback value; None clears it."""
        self._update(ONE, {"property": property}, {"fallback_value": fallback_value})

    def delete(self, property: str) -> bool:
        """Delete a definition with its value on every contact; False when already absent."""
        return self._delete(ONE, {"property": property})
