"""Whether mirror and Resend are equal: every field, membership, choice and definition.

Works from the fake's own state and the database alone, so that no mistake of the client or the
engine can hide itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django_resend.models import Contact, ContactProperty, OutboxEntry, Segment, Topic

Rows = dict[str, dict[str, Any]]
"""Resend's id to field values."""


def differences(state: dict[str, Any]) -> list[str]:
    """Each difference in words, and each change that isn't confirmed; none when equal."""
    here, there = _here(), _there(state)
    found = [line for kind in here for line in _compare(kind, here[kind], there[kind])]
    found += [
        f"not pushed: {entry} {entry.error_name} {entry.error_message}".strip()
        for entry in OutboxEntry.objects.order_by("pk")
    ]
    return found


def values_compared(state: dict[str, Any]) -> int:
    """How many single values a comparison with this state looks at."""
    return sum(_size(row) for rows in _there(state).values() for row in rows.values())


def _size(row: dict[str, Any]) -> int:
    return sum(len(value) if isinstance(value, (dict, list)) else 1 for value in row.values())


def _compare(kind: str, here: Rows, there: Rows) -> Iterator[str]:
    for key in sorted(here.keys() | there.keys()):
        if key not in there:
            yield f"{kind} {key}: only here: {here[key]}"
        elif key not in here:
            yield f"{kind} {key}: only at Resend: {there[key]}"
        else:
            for name, ours in here[key].items():
                theirs = there[key][name]
                if ours != theirs:
                    yield f"{kind} {key}: {name} is {ours!r} here, {theirs!r} at Resend"


def _here() -> dict[str, Rows]:
    topics = {str(topic.remote_id): topic for topic in Topic.objects.all()}
    defaults = {key: topic.default_subscription for key, topic in topics.items()}
    contacts = Contact.objects.prefetch_related("segments", "topicsubscription_set__topic")
    return {
        "contact": {
            str(contact.remote_id): {
                "email": contact.email,
                "first_name": contact.first_name,
                "last_name": contact.last_name,
                "unsubscribed": contact.unsubscribed,
                "properties": contact.properties,
                "segments": sorted(str(segment.remote_id) for segment in contact.segments.all()),
                "topics": defaults
                | {
                    str(choice.topic.remote_id): choice.subscription
                    for choice in contact.topicsubscription_set.all()
                },
            }
            for contact in contacts
        },
        "segment": {
            str(segment.remote_id): {"name": segment.name} for segment in Segment.objects.all()
        },
        "topic": {
            key: {
                "name": topic.name,
                "description": topic.description,
                "default_subscription": topic.default_subscription,
                "visibility": topic.visibility,
            }
            for key, topic in topics.items()
        },
        "property": {
            str(definition.remote_id): {
                "key": definition.key,
                "type": definition.type,
                "fallback_value": definition.fallback_value,
            }
            for definition in ContactProperty.objects.all()
        },
    }


def _there(state: dict[str, Any]) -> dict[str, Rows]:
    defaults = {topic["id"]: topic["default_subscription"] for topic in state["topics"]}
    return {
        "contact": {
            row["id"]: {
                "email": row["email"],
                "first_name": row["first_name"] or "",
                "last_name": row["last_name"] or "",
                "unsubscribed": row["unsubscribed"],
                "properties": row["properties"],
                "segments": sorted(row["segments"]),
                "topics": defaults | row["topics"],
            }
            for row in state["contacts"]
        },
        "segment": {row["id"]: {"name": row["name"]} for row in state["segments"]},
        "topic": {
            row["id"]: {
                "name": row["name"],
                "description": row["description"] or "",
                "default_subscription": row["default_subscription"],
                "visibility": row["visibility"],
            }
            for row in state["topics"]
        },
        "property": {
            row["id"]: {
                "key": row["key"],
                "type": row["type"],
                "fallback_value": row["fallback_value"],
            }
            for row in state["contact_properties"]
        },
    }
