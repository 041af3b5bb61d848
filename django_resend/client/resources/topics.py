"""Topics. Resend docs: Topics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django_resend.client.paging import MAX_LIMIT, Page
from django_resend.client.resources.base import SUBSCRIPTIONS, Resource, only
from django_resend.client.rows import TopicRow

ALL = "/topics"
ONE = "/topics/{topic}"

CHANGEABLE = ("name", "description", "visibility")


class Topics(Resource):
    """The default subscription is fixed at creation."""

    def page(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[TopicRow]:
        """Return one page."""
        return self._page(ALL, TopicRow.read, after=after, limit=limit)

    def pages(self, after: str | None = None) -> Iterator[Page[TopicRow]]:
        """Yield all pages; raises BrokenWalk when the end cannot be reached."""
        return self._pages(ALL, TopicRow.read, after=after)

    def get(self, topic: str) -> TopicRow:
        """Return one topic; raises NotFound."""
        return self._get(ONE, {"topic": topic}, TopicRow.read)

    def create(
        self,
        *,
        name: str,
        default_subscription: str,
        description: str | None = None,
        visibility: str | None = None,
    ) -> str:
        """Create a topic and return its id. A repeated call makes a second one."""
        if default_subscription not in SUBSCRIPTIONS:
            raise ValueError(f"a subscription is opt_in or opt_out, not {default_subscription!r}")
        body: dict[str, object] = {"name": name, "default_subscription": default_subscription}
        optional = {"description": description, "visibility": visibility}
        body.update({key: value for key, value in optional.items() if value})
        return self._create(ALL, body)

    def update(self, topic: str, changes: Mapping[str, object]) -> None:
        """Change name, description or visibility; raises ValueError for any other key."""
        self._update(ONE, {"topic": topic}, only(changes, CHANGEABLE))

    def delete(self, topic: str) -> bool:
        """Delete a topic with every contact's choice for it; False when it was already absent."""
        return self._delete(ONE, {"topic": topic})
