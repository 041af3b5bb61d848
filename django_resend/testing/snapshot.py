"""The whole state as JSON, for tests and the control route."""

from __future__ import annotations

from .records import JsonObject
from .shapes import (
    contact_row,
    import_row,
    property_row,
    segment_row,
    suppression_row,
    topic_row,
    webhook_row,
)
from .team import Team


def snapshot(team: Team) -> JsonObject:
    """Lists newest first. Contacts hold bare `properties`, `segments` (ids) and explicit `topics`.

    Quirks of shape do not matter here, apart from the spelling of timestamps.
    """
    store = team.store
    return {
        "contacts": [
            contact_row(team, contact)
            | {
                "properties": dict(contact.properties),
                "segments": list(contact.segments),
                "topics": dict(contact.topics),
            }
            for contact in store.contacts
        ],
        "segments": [
            segment_row(team, segment) | {"members": len(segment.members)}
            for segment in store.segments
        ],
        "topics": [topic_row(team, topic) for topic in store.topics],
        "contact_properties": [property_row(team, one) for one in store.properties],
        "imports": [import_row(team, job) for job in store.imports],
        "webhooks": [webhook_row(team, webhook) for webhook in store.webhooks],
        "suppressions": [suppression_row(team, one) for one in store.suppressions],
        "deliveries": [
            {
                "id": delivery.id,
                "type": delivery.type,
                "endpoint": delivery.endpoint,
                "status": delivery.status,
                "attempts": len(delivery.attempts),
            }
            for delivery in team.webhooks.of()
        ],
    }
