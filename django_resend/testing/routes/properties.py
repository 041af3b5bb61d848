"""/contact-properties: the definitions. Resend docs: Contact Properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..lookups import of_type
from ..paging import list_reply
from ..records import Property, PropertyValue
from ..replies import ApiError, Reply, invalid, json_reply, not_found
from ..requesting import Call, one_of, required_text, uuid_or_refuse
from ..shapes import property_row
from ..team import Team
from .table import created, routes

TYPES = ("string", "number")
RESERVED = ("FIRST_NAME", "LAST_NAME", "EMAIL", "UNSUBSCRIBE_URL")
_KEY = re.compile(r"[A-Za-z0-9_]{1,50}")


@routes.on("POST /contact-properties")
def create(team: Team, call: Call) -> Reply:
    body = call.json_object()
    key = required_text(body, "key")
    if not _KEY.fullmatch(key) or key in RESERVED:
        raise invalid("The `key` field must be 1 to 50 letters, digits or underscores.")
    kind = one_of(body, "type", TYPES)
    fallback = _fallback(body, kind)
    if key in team.store.properties_by_key:
        status = int(team.quirks["duplicate_property"])
        raise ApiError(status, "validation_error", f"The property `{key}` already exists.")
    definition = team.define_property(key, kind, fallback)
    return created(team, {"object": "contact_property", "id": definition.id})


@routes.on("GET /contact-properties")
def list_all(team: Team, call: Call) -> Reply:
    rows = team.store.properties
    return list_reply(call, team.quirks, rows, lambda definition: property_row(team, definition))


@routes.on("GET /contact-properties/{id}")
def read(team: Team, call: Call) -> Reply:
    return json_reply(property_row(team, _find(team, call.params[0])))


@routes.on("PATCH /contact-properties/{id}")
def update(team: Team, call: Call) -> Reply:
    """Only the fallback value can change: other keys are dropped."""
    definition = _find(team, call.params[0])
    body = call.json_object()
    if "fallback_value" in body:
        definition.fallback_value = _fallback(body, definition.type)
    return json_reply({"object": "contact_property", "id": definition.id})


@routes.on("DELETE /contact-properties/{id}")
def delete(team: Team, call: Call) -> Reply:
    """Takes the value from every contact as well."""
    definition = _find(team, call.params[0])
    team.store.remove_property(definition)
    return json_reply({"object": "contact_property", "deleted": True, "id": definition.id})


def _find(team: Team, property_id: str) -> Property:
    definition = team.store.properties.get(uuid_or_refuse(property_id))
    if definition is None:
        raise not_found("Contact property")
    return definition


def _fallback(body: Mapping[str, Any], kind: str) -> PropertyValue | None:
    value: PropertyValue | None = body.get("fallback_value")
    if value is not None and not of_type(value, kind):
        raise invalid(f"The `fallback_value` field must be a {kind}.")
    return value
