"""Objects as REST replies show them."""

from __future__ import annotations

from .clock import iso_text, postgres_text
from .records import (
    Contact,
    Import,
    JsonObject,
    Property,
    PropertyValue,
    Segment,
    Suppression,
    Topic,
    Webhook,
)
from .team import Team


def moment(team: Team, micros: int) -> str:
    return iso_text(micros) if team.quirks["timestamps"] == "iso" else postgres_text(micros)


def contact_row(team: Team, contact: Contact) -> JsonObject:
    """A contact in a list: six keys."""
    row: JsonObject = {
        "id": contact.id,
        "email": contact.email,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "created_at": moment(team, contact.created_at),
        "unsubscribed": contact.unsubscribed,
    }
    if team.quirks.yes("list_properties"):
        row["properties"] = properties(team, contact)
    return row


def contact_detail(team: Team, contact: Contact) -> JsonObject:
    shown = {"properties": properties(team, contact)}
    return {"object": "contact"} | contact_row(team, contact) | shown


def properties(team: Team, contact: Contact) -> JsonObject:
    values: dict[str, PropertyValue] = dict(contact.properties)
    if team.quirks.yes("fallback_in_get"):
        for key, definition in team.store.properties_by_key.items():
            if definition.fallback_value is not None:
                values.setdefault(key, definition.fallback_value)
    if team.quirks["property_shape"] == "bare":
        return dict(values)
    kinds = team.store.properties_by_key
    return {key: {"type": kinds[key].type, "value": value} for key, value in values.items()}


def segment_row(team: Team, segment: Segment) -> JsonObject:
    created_at = moment(team, segment.created_at)
    return {"id": segment.id, "name": segment.name, "created_at": created_at}


def topic_row(team: Team, topic: Topic) -> JsonObject:
    return {
        "id": topic.id,
        "name": topic.name,
        "description": topic.description,
        "default_subscription": topic.default_subscription,
        "visibility": topic.visibility,
        "created_at": moment(team, topic.created_at),
    }


def property_row(team: Team, definition: Property) -> JsonObject:
    return {
        "id": definition.id,
        "object": "contact_property",
        "key": definition.name,
        "type": definition.type,
        "fallback_value": definition.fallback_value,
        "created_at": moment(team, definition.created_at),
    }


def import_row(team: Team, job: Import) -> JsonObject:
    row: JsonObject = {
        "object": "contact_import",
        "id": job.id,
        "status": job.status(team.clock.micros()),
        "created_at": moment(team, job.created_at),
        "completed_at": None,
    }
    if job.completed_at is not None:
        row["completed_at"] = moment(team, job.completed_at)
        row["counts"] = job.counts
    return row


def webhook_row(team: Team, webhook: Webhook) -> JsonObject:
    return {
        "id": webhook.id,
        "created_at": moment(team, webhook.created_at),
        "status": webhook.status,
        "endpoint": webhook.endpoint,
        "events": webhook.events,
    }


def suppression_row(team: Team, suppression: Suppression) -> JsonObject:
    return {
        "id": suppression.id,
        "email": suppression.email,
        "origin": suppression.origin,
        "source_id": suppression.source_id,
        "created_at": moment(team, suppression.created_at),
    }
