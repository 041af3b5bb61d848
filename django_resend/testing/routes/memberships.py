"""A contact's segments: /contacts/{id}/segments. Resend docs: Contacts, Segments."""

from __future__ import annotations

from ..index import NewestFirst
from ..lookups import find_contact, find_segment
from ..paging import list_reply
from ..records import JsonObject, Segment
from ..replies import Reply, json_reply
from ..requesting import Call
from ..shapes import moment, segment_row
from ..team import Team
from .table import routes


@routes.on("GET /contacts/{id}/segments")
def list_segments(team: Team, call: Call) -> Reply:
    contact = find_contact(team, call.params[0])
    rows: NewestFirst[Segment] = NewestFirst()
    for segment in team.store.segments_of(contact):
        rows.add(segment)

    def shown(segment: Segment) -> JsonObject:
        row = segment_row(team, segment)
        if team.quirks["membership_created_at"] == "joined":
            row["created_at"] = moment(team, contact.segments[segment.id])
        return row

    return list_reply(call, team.quirks, rows, shown, older=True)


@routes.on("POST /contacts/{id}/segments/{segment_id}")
def add(team: Team, call: Call) -> Reply:
    contact = find_contact(team, call.params[0])
    segment = find_segment(team, call.params[1])
    team.join_segments(contact, [segment])
    content: JsonObject = {"id": segment.id}
    if team.quirks["add_segment_reply"] == "pair":
        content = {
            "object": "contact_segment",
            "contact_id": contact.id,
            "segment_id": segment.id,
        }
    return json_reply(content, int(team.quirks["add_segment_status"]))


@routes.on("DELETE /contacts/{id}/segments/{segment_id}")
def remove(team: Team, call: Call) -> Reply:
    contact = find_contact(team, call.params[0])
    segment = find_segment(team, call.params[1])
    team.store.leave(contact, segment)
    shape = team.quirks["remove_segment_reply"]
    content: JsonObject = {"id": segment.id, "deleted": True}
    if shape == "contact_id":
        content = {"id": contact.id, "audienceId": segment.id, "deleted": True}
    elif shape == "pair":
        content = {
            "object": "contact_segment",
            "contact_id": contact.id,
            "segment_id": segment.id,
            "deleted": True,
        }
    return json_reply(content)
