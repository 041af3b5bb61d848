"""A contact's topics: /contacts/{id}/topics. Resend docs: Contacts, Topics."""

from __future__ import annotations

from typing import Any

from ..index import NewestFirst
from ..lookups import find_contact, named_topics
from ..paging import list_reply
from ..records import JsonObject, Topic
from ..replies import Reply, json_reply
from ..requesting import Call
from ..team import Team
from .table import routes


@routes.on("GET /contacts/{id}/topics")
def list_topics(team: Team, call: Call) -> Reply:
    contact = find_contact(team, call.params[0])
    rows: NewestFirst[Topic] = team.store.topics
    if team.quirks["topics_listing"] == "explicit":
        rows = NewestFirst()
        for topic_id in contact.topics:
            topic = team.store.topics.get(topic_id)
            if topic is not None:
                rows.add(topic)

    def shown(topic: Topic) -> JsonObject:
        return {
            "id": topic.id,
            "name": topic.name,
            "description": topic.description,
            "subscription": contact.topics.get(topic.id, topic.default_subscription),
        }

    return list_reply(call, team.quirks, rows, shown, older=True)


@routes.on("PATCH /contacts/{id}/topics")
def choose(team: Team, call: Call) -> Reply:
    """Takes a bare array; an object around it is refused, whatever the OpenAPI file says."""
    contact = find_contact(team, call.params[0])
    body: Any = call.json()
    if isinstance(body, dict) and "topics" in body and team.quirks["topics_body"] == "both":
        body = body["topics"]
    choices = named_topics(team, body)
    if team.quirks["topics_patch"] == "works":
        team.choose_topics(contact, choices)
    content: JsonObject = {"id": contact.id}
    if team.quirks["topics_patch_reply"] == "contact_topics":
        content = {"object": "contact_topics", "id": contact.id}
    return json_reply(content)
