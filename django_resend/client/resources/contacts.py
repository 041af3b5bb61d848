"""Contacts, their segments and their topic subscriptions. Resend docs: Contacts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django_resend.client.paging import MAX_LIMIT, Page
from django_resend.client.resources.base import Resource, only, segment_objects, topic_objects
from django_resend.client.rows import ContactRow, SegmentRow, SubscriptionRow

ALL = "/contacts"
ONE = "/contacts/{contact}"
SEGMENTS = "/contacts/{contact}/segments"
SEGMENT = "/contacts/{contact}/segments/{segment}"
TOPICS = "/contacts/{contact}/topics"

# An address in an update is dropped without a word: it is no change that can be made.
CHANGEABLE = ("first_name", "last_name", "unsubscribed", "properties")


class Contacts(Resource):
    """A contact is named by id or address; the id is surer."""

    def page(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[ContactRow]:
        """Return one page, newest first; its rows have no properties."""
        return self._page(ALL, ContactRow.read, after=after, limit=limit)

    def pages(self, after: str | None = None) -> Iterator[Page[ContactRow]]:
        """Yield all pages; raises BrokenWalk when the end cannot be reached."""
        return self._pages(ALL, ContactRow.read, after=after)

    def get(self, contact: str) -> ContactRow:
        """Return one contact with its properties; raises NotFound."""
        return self._get(ONE, {"contact": contact}, ContactRow.read)

    def create(
        self,
        *,
        email: str,
        unsubscribed: bool,
        first_name: str | None = None,
        last_name: str | None = None,
        properties: Mapping[str, object] | None = None,
        segments: Iterable[str] = (),
        topics: Mapping[str, str] | None = None,
    ) -> str:
        """Create a contact and return its id.

        Only for an address known to be absent: on an existing contact Resend resets every field
        that is left out. For the same reason `unsubscribed` has no default.
        """
        body: dict[str, object] = {"email": email.lower(), "unsubscribed": _choice(unsubscribed)}
        optional: dict[str, object] = {
            "first_name": first_name,
            "last_name": last_name,
            "properties": _sendable(properties or {}),
            "segments": segment_objects(segments),
            "topics": topic_objects(topics or {}),
        }
        body.update({key: value for key, value in optional.items() if value})
        return self._create(ALL, body)

    def update(self, contact: str, changes: Mapping[str, object]) -> None:
        """Change first_name, last_name, unsubscribed or properties; what is left out stays.

        None clears a name or one property, and so does "" for a name. Without any change no call
        is made. Raises ValueError for any other key, `email` included.
        """
        body = only(changes, CHANGEABLE)
        for name in ("first_name", "last_name"):
            if body.get(name) == "":
                body[name] = None
        if "unsubscribed" in body:
            body["unsubscribed"] = _choice(body["unsubscribed"])
        properties = body.pop("properties", None)
        if isinstance(properties, Mapping) and properties:
            body["properties"] = _sendable(properties)
        self._update(ONE, {"contact": contact}, body)

    def delete(self, contact: str) -> bool:
        """Delete a contact; False when it was already absent."""
        return self._delete(ONE, {"contact": contact})

    def segment_page(
        self, contact: str, after: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[SegmentRow]:
        """Return one page of the contact's segments; their created_at means nothing sure."""
        return self._page(
            SEGMENTS, SegmentRow.read, after=after, limit=limit, parts={"contact": contact}
        )

    def segment_pages(self, contact: str, after: str | None = None) -> Iterator[Page[SegmentRow]]:
        """Yield all pages of the contact's segments."""
        return self._pages(SEGMENTS, SegmentRow.read, after=after, parts={"contact": contact})

    def add_segment(self, contact: str, segment: str) -> None:
        """Add the contact to a segment; harmless when repeated."""
        self._transport.request("POST", SEGMENT, {"contact": contact, "segment": segment})

    def remove_segment(self, contact: str, segment: str) -> bool:
        """Take the contact out of a segment; False when contact or membership was absent."""
        return self._delete(SEGMENT, {"contact": contact, "segment": segment})

    def topic_page(
        self, contact: str, after: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[SubscriptionRow]:
        """Return one page of the contact's topic subscriptions."""
        return self._page(
            TOPICS, SubscriptionRow.read, after=after, limit=limit, parts={"contact": contact}
        )

    def topic_pages(
        self, contact: str, after: str | None = None
    ) -> Iterator[Page[SubscriptionRow]]:
        """Yield all pages of the contact's topic subscriptions."""
        return self._pages(TOPICS, SubscriptionRow.read, after=after, parts={"contact": contact})

    def set_topics(self, contact: str, topics: Mapping[str, str]) -> None:
        """Set the listed topics (id to "opt_in" or "opt_out"); the others stay.

        Read back what matters: a success has been seen that changed nothing.
        """
        if topics:
            self._transport.request(
                "PATCH", TOPICS, {"contact": contact}, body=topic_objects(topics)
            )


def _choice(unsubscribed: object) -> bool:
    if not isinstance(unsubscribed, bool):
        raise ValueError("unsubscribed must be True or False")
    return unsubscribed


def _sendable(properties: Mapping[str, object]) -> dict[str, object]:
    """Resend takes text, numbers and null: booleans are spelled out."""
    return {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in properties.items()
    }
