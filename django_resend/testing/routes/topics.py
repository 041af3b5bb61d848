"""/topics. Resend docs: Topics."""

from __future__ import annotations

from typing import Any

from ..lookups import CHOICES, find_topic
from ..paging import list_reply
from ..replies import Reply, json_reply
from ..requesting import Call, one_of, optional_text, required_text
from ..shapes import topic_row
from ..team import Team
from .table import created, routes

LONGEST_NAME = 50
LONGEST_DESCRIPTION = 200
VISIBILITIES = ("private", "public")


@routes.on("POST /topics")
def create(team: Team, call: Call) -> Reply:
    body = call.json_object()
    name = required_text(body, "name", LONGEST_NAME)
    default = one_of(body, "default_subscription", CHOICES)
    description = optional_text(body, "description", LONGEST_DESCRIPTION)
    visible = one_of(body, "visibility", VISIBILITIES) if body.get("visibility") else "private"
    topic = team.create_topic(name, default, description, visible)
    return created(team, {"object": "topic", "id": topic.id})


@routes.on("GET /topics")
def list_all(team: Team, call: Call) -> Reply:
    return list_reply(call, team.quirks, team.store.topics, lambda topic: topic_row(team, topic))


@routes.on("GET /topics/{id}")
def read(team: Team, call: Call) -> Reply:
    return json_reply({"object": "topic"} | topic_row(team, find_topic(team, call.params[0])))


@routes.on("PATCH /topics/{id}")
def update(team: Team, call: Call) -> Reply:
    """The default subscription is fixed for ever: in a body it is dropped."""
    topic = find_topic(team, call.params[0])
    body = call.json_object()
    fields: dict[str, Any] = {}
    if "name" in body:
        fields["name"] = required_text(body, "name", LONGEST_NAME)
    if "description" in body:
        fields["description"] = optional_text(body, "description", LONGEST_DESCRIPTION)
    if "visibility" in body:
        fields["visibility"] = one_of(body, "visibility", VISIBILITIES)
    team.edit_topic(topic, fields)
    return json_reply({"object": "topic", "id": topic.id})


@routes.on("DELETE /topics/{id}")
def delete(team: Team, call: Call) -> Reply:
    topic = find_topic(team, call.params[0])
    team.delete_topic(topic)
    return json_reply({"object": "topic", "id": topic.id, "deleted": True})
