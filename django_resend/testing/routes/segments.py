"""/segments and their members. Resend docs: Segments."""

from __future__ import annotations

from ..lookups import find_segment
from ..paging import list_reply
from ..replies import ApiError, Reply, json_reply, not_found
from ..requesting import Call, required_text, uuid_or_refuse
from ..shapes import contact_row, segment_row
from ..team import Team
from .table import created, routes


@routes.on("POST /segments")
def create(team: Team, call: Call) -> Reply:
    segment = team.create_segment(required_text(call.json_object(), "name"))
    kind = team.quirks["object_segment"]
    return created(team, {"object": kind, "id": segment.id, "name": segment.name})


@routes.on("GET /segments")
def list_all(team: Team, call: Call) -> Reply:
    rows = team.store.segments
    return list_reply(
        call, team.quirks, rows, lambda segment: segment_row(team, segment), older=True
    )


@routes.on("GET /segments/{id}")
def read(team: Team, call: Call) -> Reply:
    segment = find_segment(team, call.params[0])
    return json_reply({"object": team.quirks["object_segment"]} | segment_row(team, segment))


@routes.on("PATCH /segments/{id}")
def rename(team: Team, call: Call) -> Reply:
    if team.quirks["segment_rename"] == "404":
        raise not_found("Endpoint")
    if team.quirks["segment_rename"] == "405":
        raise ApiError(405, "method_not_allowed", "The method is not allowed on this path.")
    segment = find_segment(team, call.params[0])
    segment.name = required_text(call.json_object(), "name")
    return json_reply({"object": team.quirks["object_segment"], "id": segment.id})


@routes.on("DELETE /segments/{id}")
def delete(team: Team, call: Call) -> Reply:
    """Says deleted for an id that never existed, too."""
    segment_id = uuid_or_refuse(call.params[0])
    segment = team.store.segments.get(segment_id)
    if segment is not None:
        team.store.remove_segment(segment)
    kind = team.quirks["object_segment"]
    return json_reply({"object": kind, "id": segment_id, "deleted": True})


@routes.on("GET /segments/{id}/contacts")
def list_members(team: Team, call: Call) -> Reply:
    rows = find_segment(team, call.params[0]).members
    return list_reply(
        call, team.quirks, rows, lambda contact: contact_row(team, contact), older=True
    )
