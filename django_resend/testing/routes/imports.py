"""/contacts/imports. Resend docs: Contacts, Imports."""

from __future__ import annotations

import json
from typing import Any

from ..imports import Columns, accept, read_rows
from ..index import NewestFirst
from ..lookups import named_segments, named_topics
from ..multipart import form_parts
from ..paging import list_reply
from ..records import Import
from ..replies import ApiError, Reply, invalid, json_reply, missing, not_found
from ..requesting import Call, uuid_or_refuse
from ..shapes import import_row
from ..team import Team
from .table import created, routes

MODES = ("upsert", "skip")
STATES = ("queued", "in_progress", "completed", "failed")
_MEGABYTE = 1024 * 1024


@routes.on("POST /contacts/imports")
def create(team: Team, call: Call) -> Reply:
    if team.quirks["imports"] == "refused":
        raise ApiError(403, "invalid_permission", "Contact imports are not enabled for this team.")
    parts = form_parts(call.headers.get("content-type", ""), call.body)
    if "file" not in parts:
        raise missing("file")
    if len(parts["file"]) > team.quirks.number("import_size_mb") * _MEGABYTE:
        raise invalid(f"The file is larger than {team.quirks['import_size_mb']} MB.")
    mode = parts.get("on_conflict", team.quirks["on_conflict_default"].encode()).decode()
    if mode not in MODES:
        raise invalid("The `on_conflict` field must be one of: upsert, skip.")
    columns = Columns.read(_json_part(parts, "column_map"))
    segments = named_segments(team, _json_part(parts, "segments") or [])
    topics = named_topics(team, _json_part(parts, "topics") or [])
    rows = read_rows(parts["file"], columns)
    job = accept(team, rows, columns, mode, [segment.id for segment in segments], topics)
    return created(team, {"object": "contact_import", "id": job.id})


@routes.on("GET /contacts/imports")
def list_all(team: Team, call: Call) -> Reply:
    rows = team.store.imports
    wanted = call.query.get("status")
    if wanted:
        if wanted not in STATES:
            raise invalid(f"The `status` parameter must be one of: {', '.join(STATES)}.")
        rows = NewestFirst()
        for job in team.store.imports:
            if job.status(team.clock.micros()) == wanted:
                rows.add(job)
    return list_reply(call, team.quirks, rows, lambda job: import_row(team, job))


@routes.on("GET /contacts/imports/{id}")
def read(team: Team, call: Call) -> Reply:
    job: Import | None = team.store.imports.get(uuid_or_refuse(call.params[0]))
    if job is None:
        raise not_found("Contact import")
    return json_reply(import_row(team, job))


def _json_part(parts: dict[str, bytes], name: str) -> Any:
    if not parts.get(name):
        return None
    try:
        return json.loads(parts[name])
    except ValueError:
        raise invalid(f"The `{name}` field must be JSON.") from None
