"""Webhook endpoints. Resend docs: Webhooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django_resend.client.paging import MAX_LIMIT, Page
from django_resend.client.resources.base import Resource, only, told_text, understood
from django_resend.client.rows import WebhookRow

ALL = "/webhooks"
ONE = "/webhooks/{webhook}"
ROTATE = "/webhooks/{webhook}/signing-secret/rotate"

CHANGEABLE = ("endpoint", "events", "status")


class Webhooks(Resource):
    """Keep the signing secret of a creation: later reads may not tell it."""

    def page(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[WebhookRow]:
        """Return one page; its rows have no signing secret."""
        return self._page(ALL, WebhookRow.read, after=after, limit=limit)

    def pages(self, after: str | None = None) -> Iterator[Page[WebhookRow]]:
        """Yield all pages; raises BrokenWalk when the end cannot be reached."""
        return self._pages(ALL, WebhookRow.read, after=after)

    def get(self, webhook: str) -> WebhookRow:
        """Return one webhook; raises NotFound."""
        return self._get(ONE, {"webhook": webhook}, WebhookRow.read)

    def create(self, endpoint: str, events: Iterable[str]) -> WebhookRow:
        """Create a webhook; the row has its signing secret. A repeated call makes a second one."""
        body = {"endpoint": endpoint, "events": list(events)}
        told = self._transport.request("POST", ALL, body=body)
        return understood("POST", ALL, lambda: WebhookRow.read(told))

    def update(self, webhook: str, changes: Mapping[str, object]) -> None:
        """Change endpoint, events (the whole list) or status ("enabled", "disabled")."""
        self._update(ONE, {"webhook": webhook}, only(changes, CHANGEABLE))

    def delete(self, webhook: str) -> bool:
        """Delete a webhook; False when it was already absent."""
        return self._delete(ONE, {"webhook": webhook})

    def rotate_secret(self, webhook: str) -> str:
        """Replace the signing secret and return the new one; accept the old one for a day too."""
        told = self._transport.request("POST", ROTATE, {"webhook": webhook})
        return told_text("POST", ROTATE, told, "signing_secret")
