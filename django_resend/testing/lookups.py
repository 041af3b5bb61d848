"""Finding what a path or a body names, and refusing what does not exist."""

from __future__ import annotations

from typing import Any

from .records import Contact, PropertyValue, Segment, Topic
from .replies import ApiError, bad_parameter, invalid, not_found
from .requesting import uuid_or_refuse, valid_email
from .team import Team

CHOICES = ("opt_in", "opt_out")


def find_contact(team: Team, identifier: str) -> Contact:
    """By id or address; 422 when it is neither, 404 when there is none."""
    if "@" in identifier:
        if not valid_email(identifier):
            raise bad_parameter("The contact must be an id or an email address.")
        contact = team.store.contact_by_email(identifier)
    else:
        contact = team.store.contacts.get(uuid_or_refuse(identifier))
    if contact is None:
        raise not_found("Contact")
    return contact


def find_segment(team: Team, segment_id: str) -> Segment:
    """By id. The vendor still says "Audience" when there is none."""
    segment = team.store.segments.get(uuid_or_refuse(segment_id))
    if segment is None:
        raise not_found("Audience")
    return segment


def find_topic(team: Team, topic_id: str) -> Topic:
    topic = team.store.topics.get(uuid_or_refuse(topic_id))
    if topic is None:
        raise not_found("Topic")
    return topic


def named_segments(team: Team, value: Any) -> list[Segment]:
    """The `segments` of a body: objects with an id; plain strings are refused."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise invalid("The `segments` field must be a list of objects.")
    segments = []
    for item in value:
        segment = team.store.segments.get(uuid_or_refuse(item.get("id")))
        if segment is None:
            raise _missing_reference(team, "Segment")
        segments.append(segment)
    return segments


def named_topics(team: Team, value: Any) -> dict[str, str]:
    """The topic choices of a body: topic id -> opt_in or opt_out."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise invalid("The topics must be a list of objects.")
    choices: dict[str, str] = {}
    for item in value:
        topic_id = uuid_or_refuse(item.get("id"))
        if item.get("subscription") not in CHOICES:
            raise invalid("The `subscription` field must be one of: opt_in, opt_out.")
        if topic_id not in team.store.topics:
            raise _missing_reference(team, "Topic")
        choices[topic_id] = item["subscription"]
    return choices


def property_values(team: Team, value: Any) -> dict[str, PropertyValue | None]:
    """The `properties` of a body, each defined and of its type; one that isn't fails the call."""
    if not isinstance(value, dict):
        raise invalid("The `properties` field must be an object.")
    for key, content in value.items():
        definition = team.store.properties_by_key.get(key)
        if definition is None:
            raise invalid(f"The property `{key}` does not exist.")
        if content is not None and not of_type(content, definition.type):
            raise invalid(f"The property `{key}` must be a {definition.type}.")
    return value


def of_type(value: object, kind: str) -> bool:
    """Whether a JSON value fits a property type. Booleans are not numbers."""
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    return isinstance(value, str if kind == "string" else (int, float))


def _missing_reference(team: Team, what: str) -> ApiError:
    if team.quirks["missing_reference"] == "404":
        return not_found(what)
    return invalid(f"{what} not found")
