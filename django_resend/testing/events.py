"""The `data` part of webhook events. Source: Resend docs: Webhooks, Event types."""

from __future__ import annotations

from .clock import iso_text
from .quirks import Quirks
from .records import Contact, JsonObject, Suppression, Topic


def contact_data(contact: Contact, quirks: Quirks) -> JsonObject:
    """A contact event: neither properties nor topics; names and segments may be missing too."""
    data: JsonObject = {
        "id": contact.id,
        "email": contact.email,
        "unsubscribed": contact.unsubscribed,
        "created_at": iso_text(contact.created_at),
        "updated_at": iso_text(contact.updated_at),
    }
    if quirks["webhook_fields"] == "full":
        data["first_name"] = contact.first_name
        data["last_name"] = contact.last_name
        data["segment_ids"] = list(contact.segments)
    return data


def topic_data(topic: Topic, *, deleted: bool = False) -> JsonObject:
    return {
        "id": topic.id,
        "name": topic.name,
        "description": topic.description,
        "default_subscription": topic.default_subscription,
        "deleted": deleted,
        "created_at": iso_text(topic.created_at),
        "updated_at": iso_text(topic.updated_at),
    }


def suppression_data(suppression: Suppression) -> JsonObject:
    return {
        "id": suppression.id,
        "email": suppression.email,
        "origin": suppression.origin,
        "source_id": suppression.source_id,
        "created_at": iso_text(suppression.created_at),
    }
