"""The deprecated /audiences routes. Their traps are kept: DELETE only takes a contact out.

Audiences are what segments were called; ids are the same. Resend docs: Migrating.
"""

from __future__ import annotations

from ..lookups import find_contact, find_segment
from ..paging import list_reply
from ..replies import ApiError, Reply, json_reply, not_found
from ..requesting import Call, required_text, uuid_or_refuse
from ..shapes import contact_detail, contact_row, segment_row
from ..team import Team
from .contacts import create_or_upsert, update_from
from .table import created, routes


@routes.on("POST /audiences")
def create(team: Team, call: Call) -> Reply:
    segment = team.create_segment(required_text(call.json_object(), "name"))
    return created(team, {"object": "audience", "id": segment.id, "name": segment.name})


@routes.on("GET /audiences")
def list_all(team: Team, call: Call) -> Reply:
    rows = team.store.segments
    return list_reply(
        call, team.quirks, rows, lambda segment: segment_row(team, segment), older=True
    )


@routes.on("GET /audiences/{id}")
def read(team: Team, call: Call) -> Reply:
    return json_reply(
        {"object": "audience"} | segment_row(team, find_segment(team, call.params[0]))
    )


@routes.on("DELETE /audiences/{id}")
def delete(team: Team, call: Call) -> Reply:
    audience_id = uuid_or_refuse(call.params[0])
    segment = team.store.segments.get(audience_id)
    if segment is not None:
        team.store.remove_segment(segment)
    return json_reply({"object": "audience", "id": audience_id, "deleted": True})


@routes.on("POST /audiences/{id}/contacts")
def create_contact(team: Team, call: Call) -> Reply:
    """Upsert and join in one."""
    segment = find_segment(team, call.params[0])
    contact = create_or_upsert(team, call.json_object())
    team.join_segments(contact, [segment])
    return created(team, {"object": "contact", "id": contact.id})


@routes.on("GET /audiences/{id}/contacts")
def list_contacts(team: Team, call: Call) -> Reply:
    rows = find_segment(team, call.params[0]).members
    return list_reply(
        call, team.quirks, rows, lambda contact: contact_row(team, contact), older=True
    )


@routes.on("GET /audiences/{id}/contacts/{contact_id}")
def read_contact(team: Team, call: Call) -> Reply:
    segment = find_segment(team, call.params[0])
    contact = find_contact(team, call.params[1])
    if contact.id not in segment.members:
        raise not_found("Contact")
    return json_reply(contact_detail(team, contact))


@routes.on("PATCH /audiences/{id}/contacts/{contact_id}")
def update_contact(team: Team, call: Call) -> Reply:
    find_segment(team, call.params[0])
    contact = find_contact(team, call.params[1])
    update_from(team, contact, call.json_object())
    return json_reply({"object": "contact", "id": contact.id})


@routes.on("DELETE /audiences/{id}/contacts/{contact_id}")
def delete_contact(team: Team, call: Call) -> Reply:
    """Leaves the segment and lives on; says deleted for an unknown contact, too."""
    segment = find_segment(team, call.params[0])
    contact_id = call.params[1]
    try:
        contact = find_contact(team, contact_id)
    except ApiError as error:
        if error.status != 404:
            raise
    else:
        contact_id = contact.id
        team.store.leave(contact, segment)
    return json_reply({"object": "contact", "contact": contact_id, "deleted": True})
