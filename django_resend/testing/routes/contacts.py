"""/contacts: create (an upsert), list, read, update, delete. Resend docs: Contacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..lookups import find_contact, find_segment, named_segments, named_topics, property_values
from ..paging import list_reply
from ..records import Contact
from ..replies import ApiError, Reply, invalid, json_reply
from ..requesting import Call, boolean, optional_text, required_text, valid_email
from ..shapes import contact_detail, contact_row
from ..team import NAMES, Team
from .table import created, routes


@routes.on("POST /contacts")
def create(team: Team, call: Call) -> Reply:
    contact = create_or_upsert(team, call.json_object())
    return created(team, {"object": "contact", "id": contact.id})


def create_or_upsert(team: Team, body: Mapping[str, Any]) -> Contact:
    """Check the whole body first, then create; a known address is overwritten instead."""
    email = required_text(body, "email")
    if not valid_email(email):
        raise invalid("Invalid `email` field. The email address needs to be valid.")
    fields = contact_fields(body)
    has = {name: body.get(name) is not None for name in ("properties", "segments", "topics")}
    properties = property_values(team, body["properties"]) if has["properties"] else None
    segments = named_segments(team, body["segments"]) if has["segments"] else None
    topics = named_topics(team, body["topics"]) if has["topics"] else None
    known = team.store.contact_by_email(email)
    if known is None:
        return team.create_contact(
            email, fields, properties=properties, segments=segments or (), topics=topics
        )
    if team.quirks["duplicate_post"] == "upsert":
        team.upsert_contact(known, fields, properties=properties, segments=segments, topics=topics)
    return known


def contact_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Names and unsubscribed, as far as the body holds them; other keys are dropped."""
    fields: dict[str, Any] = {name: optional_text(body, name) for name in NAMES if name in body}
    if "unsubscribed" in body:
        fields["unsubscribed"] = boolean(body, "unsubscribed")
    return fields


@routes.on("GET /contacts")
def list_all(team: Team, call: Call) -> Reply:
    rows = team.store.contacts
    wanted = call.query.get("segment_id")
    if wanted and team.quirks["segment_filter"] == "works":
        rows = find_segment(team, wanted).members
    return list_reply(
        call, team.quirks, rows, lambda contact: contact_row(team, contact), older=True
    )


@routes.on("GET /contacts/{id}")
def read(team: Team, call: Call) -> Reply:
    return json_reply(contact_detail(team, find_contact(team, call.params[0])))


@routes.on("PATCH /contacts/{id}")
def update(team: Team, call: Call) -> Reply:
    contact = find_contact(team, call.params[0])
    update_from(team, contact, call.json_object())
    return json_reply({"object": "contact", "id": contact.id})


def update_from(team: Team, contact: Contact, body: Mapping[str, Any]) -> None:
    fields = contact_fields(body)
    given = body.get("properties")
    team.edit_contact(contact, fields, None if given is None else property_values(team, given))


@routes.on("DELETE /contacts/{id}")
def delete(team: Team, call: Call) -> Reply:
    try:
        contact = find_contact(team, call.params[0])
    except ApiError as error:
        if error.status != 404 or team.quirks["delete_absent"] == "404":
            raise
        return _deleted(team, call.params[0])
    team.delete_contact(contact)
    return _deleted(team, contact.id)


def _deleted(team: Team, contact_id: str) -> Reply:
    key = team.quirks["delete_key"]
    return json_reply({"object": "contact", key: contact_id, "deleted": True})
