"""What the lists read: all that a page shows, in a number of queries that no page size changes."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from ..models import OutboxEntry, Segment, TopicSubscription

IN_STEP = "in_step"
"""The sync state of a row without an outbox entry."""


def with_sync_state(rows: Any) -> QuerySet[Any]:
    """Each row with ``outbox_state``, and with ``outbox_error``: status, name and message."""
    entry = OutboxEntry.objects.filter(
        ~Q(error_name="", error_message=""), kind=rows.model.kind, object_id=OuterRef("pk")
    )
    words = JSONObject(status="error_status", name="error_name", message="error_message")
    error = entry.annotate(words=words).values("words")[:1]
    rows = rows.with_outbox().annotate(outbox_error=Subquery(error))
    return rows.defer("raw", "base", "in_flight")  # type: ignore[no-any-return]


def with_links(contacts: Any) -> QuerySet[Any]:
    """Contacts with their segments and topic choices, and what is known of suppressions."""
    choices = TopicSubscription.objects.select_related("topic").order_by("topic_id")
    contacts = contacts.with_suppression()
    return contacts.prefetch_related(  # type: ignore[no-any-return]  # a contact queryset's
        Prefetch("segments", Segment.objects.only("name").order_by("id")),
        Prefetch(
            "topicsubscription_set",
            choices.only("contact_id", "subscription", "topic__name"),
        ),
    )
