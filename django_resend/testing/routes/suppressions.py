"""/suppressions: addresses that get no mail. Resend docs: Suppressions."""

from __future__ import annotations

from ..index import NewestFirst
from ..paging import LARGEST, list_reply
from ..records import Suppression
from ..replies import Reply, invalid, json_reply, not_found
from ..requesting import Call, required_text, uuid_or_refuse, valid_email
from ..shapes import suppression_row
from ..team import Team
from .table import created, routes


@routes.on("POST /suppressions")
def add(team: Team, call: Call) -> Reply:
    email = _email(required_text(call.json_object(), "email"))
    return created(team, {"object": "suppression", "id": team.suppress(email).id})


@routes.on("GET /suppressions")
def list_all(team: Team, call: Call) -> Reply:
    rows = team.store.suppressions
    origin = call.query.get("origin")
    if origin:
        rows = NewestFirst()
        for suppression in team.store.suppressions:
            if suppression.origin == origin:
                rows.add(suppression)
    return list_reply(call, team.quirks, rows, lambda one: suppression_row(team, one))


@routes.on("GET /suppressions/{id}")
def read(team: Team, call: Call) -> Reply:
    row = suppression_row(team, _find(team, call.params[0]))
    return json_reply({"object": "suppression"} | row)


@routes.on("DELETE /suppressions/{id}")
def remove(team: Team, call: Call) -> Reply:
    suppression = _find(team, call.params[0])
    team.unsuppress(suppression)
    return json_reply({"object": "suppression", "id": suppression.id, "deleted": True})


@routes.on("POST /suppressions/batch/add")
def add_many(team: Team, call: Call) -> Reply:
    rows = [team.suppress(email) for email in [_email(text) for text in _many(call, "emails")]]
    data = [{"object": "suppression", "id": row.id} for row in rows]
    return json_reply({"object": "list", "data": data})


@routes.on("POST /suppressions/batch/remove")
def remove_many(team: Team, call: Call) -> Reply:
    key = "ids" if "ids" in call.json_object() else "emails"
    wanted = {text.lower() for text in _many(call, key)}
    rows = [row for row in team.store.suppressions if row.id in wanted or row.email in wanted]
    for row in rows:
        team.unsuppress(row)
    data = [{"object": "suppression", "id": row.id, "deleted": True} for row in rows]
    return json_reply({"object": "list", "data": data})


def _find(team: Team, identifier: str) -> Suppression:
    wanted = identifier.lower() if "@" in identifier else uuid_or_refuse(identifier)
    for suppression in team.store.suppressions:
        if wanted in (suppression.id, suppression.email):
            return suppression
    raise not_found("Suppression")


def _many(call: Call, key: str) -> list[str]:
    values = call.json_object().get(key)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise invalid(f"The `{key}` field must be a list of strings.")
    if not 1 <= len(values) <= LARGEST:
        raise invalid(f"The `{key}` field must hold 1 to {LARGEST} items.")
    return values


def _email(text: str) -> str:
    if not valid_email(text):
        raise invalid("Invalid `email` field. The email address needs to be valid.")
    return text
