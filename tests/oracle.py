"""Whether mirror and Resend are equal, told by the fake's own state and not by our client."""

from __future__ import annotations

from typing import Any

from django_resend.models import Contact, ContactProperty, Segment, Topic
from django_resend.testing import FakeResend


def differences(fake: FakeResend, *, deep: bool = True) -> list[str]:
    """Each difference between the database and the fake's state, in words; none when equal."""
    here, there = _local(deep), _remote(fake.state(), deep)
    found = []
    for kind, rows in there.items():
        for key in sorted(rows.keys() | here[kind].keys()):
            ours, theirs = here[kind].get(key), rows.get(key)
            if ours != theirs:
                found.append(f"{kind} {key}: here {ours}, at Resend {theirs}")
    return found


def _local(deep: bool) -> dict[str, dict[str, Any]]:
    contacts = {}
    # Without a row of its own a contact has the topic's default.
    defaults = {str(row.remote_id): row.default_subscription for row in Topic.objects.all()}
    for contact in Contact.objects.prefetch_related("segments", "topicsubscription_set__topic"):
        choices = {
            str(row.topic.remote_id): row.subscription
            for row in contact.topicsubscription_set.all()
        }
        contacts[str(contact.remote_id)] = {
            "email": contact.email.lower(),
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "unsubscribed": contact.unsubscribed,
            "segments": sorted(str(segment.remote_id) for segment in contact.segments.all()),
            **(
                {"properties": contact.properties, "topics": {**defaults, **choices}}
                if deep
                else {}
            ),
        }
    return {
        "contact": contacts,
        "segment": {str(row.remote_id): row.name for row in Segment.objects.all()},
        "topic": {
            str(row.remote_id): (
                row.name,
                row.description,
                row.default_subscription,
                row.visibility,
            )
            for row in Topic.objects.all()
        },
        "property": {
            str(row.remote_id): (row.key, row.type, row.fallback_value)
            for row in ContactProperty.objects.all()
        },
    }


def _remote(state: dict[str, Any], deep: bool) -> dict[str, dict[str, Any]]:
    defaults = {row["id"]: row["default_subscription"] for row in state["topics"]}
    return {
        "contact": {
            row["id"]: {
                "email": row["email"].lower(),
                "first_name": row["first_name"] or "",
                "last_name": row["last_name"] or "",
                "unsubscribed": row["unsubscribed"],
                "segments": sorted(row["segments"]),
                **(
                    {"properties": row["properties"], "topics": {**defaults, **row["topics"]}}
                    if deep
                    else {}
                ),
            }
            for row in state["contacts"]
        },
        "segment": {row["id"]: row["name"] for row in state["segments"]},
        "topic": {
            row["id"]: (
                row["name"],
                row["description"] or "",
                row["default_subscription"],
                row["visibility"],
            )
            for row in state["topics"]
        },
        "property": {
            row["id"]: (row["key"], row["type"], row["fallback_value"])
            for row in state["contact_properties"]
        },
    }
