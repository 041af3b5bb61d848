"""/webhooks: endpoints, their secrets and what was sent to them. Resend docs: Webhooks."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..paging import LARGEST, USUAL, list_reply
from ..records import JsonObject, Webhook
from ..replies import Reply, invalid, json_reply, missing, not_found
from ..requesting import Call, one_of, required_text, uuid_or_refuse
from ..shapes import moment, webhook_row
from ..team import Team
from ..webhooks import Attempt, Delivery
from .table import created, routes

OLD_EVENTS = [
    "contact.created",
    "contact.updated",
    "contact.deleted",
    "domain.created",
    "domain.updated",
    "domain.deleted",
    "email.sent",
    "email.scheduled",
    "email.delivered",
    "email.delivery_delayed",
    "email.complained",
    "email.bounced",
    "email.opened",
    "email.clicked",
    "email.received",
    "email.failed",
    "email.suppressed",
]
NEW_EVENTS = [
    "contact.topics.updated",
    "topic.created",
    "topic.updated",
    "topic.deleted",
    "suppression.added",
    "suppression.removed",
]
_STATES = {"pending": "pending", "lost": "failed"}
T = TypeVar("T", Attempt, Delivery)


@routes.on("POST /webhooks")
def create(team: Team, call: Call) -> Reply:
    body = call.json_object()
    endpoint = _endpoint(team, body)
    webhook = Webhook(*team.origin(), endpoint, _events(team, body), _new_secret())
    team.store.webhooks.add(webhook)
    return created(team, _with_secret(webhook))


@routes.on("GET /webhooks")
def list_all(team: Team, call: Call) -> Reply:
    rows = team.store.webhooks
    return list_reply(call, team.quirks, rows, lambda webhook: webhook_row(team, webhook))


@routes.on("GET /webhooks/{id}")
def read(team: Team, call: Call) -> Reply:
    webhook = _find(team, call)
    row: JsonObject = {"object": "webhook"} | webhook_row(team, webhook)
    if team.quirks.yes("webhook_secret_on_get"):
        row["signing_secret"] = webhook.signing_secret
    return json_reply(row)


@routes.on("PATCH /webhooks/{id}")
def update(team: Team, call: Call) -> Reply:
    webhook = _find(team, call)
    body = call.json_object()
    endpoint = _endpoint(team, body) if "endpoint" in body else webhook.endpoint
    events = _events(team, body) if "events" in body else webhook.events
    status = one_of(body, "status", ("enabled", "disabled")) if "status" in body else webhook.status
    webhook.endpoint, webhook.events, webhook.status = endpoint, events, status
    return json_reply({"object": "webhook", "id": webhook.id})


@routes.on("DELETE /webhooks/{id}")
def delete(team: Team, call: Call) -> Reply:
    webhook = _find(team, call)
    team.store.webhooks.discard(webhook)
    return json_reply({"object": "webhook", "id": webhook.id, "deleted": True})


@routes.on("POST /webhooks/{id}/signing-secret/rotate")
def rotate(team: Team, call: Call) -> Reply:
    webhook = _find(team, call)
    webhook.signing_secret = _new_secret()
    return json_reply(_with_secret(webhook))


@routes.on("GET /webhooks/{id}/events")
def list_events(team: Team, call: Call) -> Reply:
    deliveries = _deliveries(team, _find(team, call))
    return _after_list(call, deliveries, lambda delivery: _event_row(team, delivery))


@routes.on("GET /webhooks/{id}/events/{event_id}")
def read_event(team: Team, call: Call) -> Reply:
    delivery = _find_event(team, call)
    due = delivery.next_attempt_at
    row: JsonObject = {"object": "webhook_event"} | _event_row(team, delivery)
    row["next_attempt_at"] = None if due is None else moment(team, due)
    row["payload"] = delivery.payload
    return json_reply(row)


@routes.on("GET /webhooks/{id}/events/{event_id}/attempts")
def list_attempts(team: Team, call: Call) -> Reply:
    attempts = _find_event(team, call).attempts[::-1]
    return _after_list(
        call,
        attempts,
        lambda attempt: {
            "id": attempt.id,
            "http_status_code": attempt.status,
            "response": attempt.response,
            "sent_at": moment(team, attempt.sent_at),
        },
    )


@routes.on("POST /webhooks/{id}/events/{event_id}/replay")
def replay(team: Team, call: Call) -> Reply:
    delivery = team.webhooks.replay(_find_event(team, call))
    return json_reply({"object": "webhook_event", "id": delivery.id})


def _find(team: Team, call: Call) -> Webhook:
    webhook = team.store.webhooks.get(uuid_or_refuse(call.params[0]))
    if webhook is None:
        raise not_found("Webhook")
    return webhook


def _find_event(team: Team, call: Call) -> Delivery:
    for delivery in _deliveries(team, _find(team, call)):
        if delivery.id == call.params[1]:
            return delivery
    raise not_found("Webhook event")


def _deliveries(team: Team, webhook: Webhook) -> list[Delivery]:
    return [one for one in team.webhooks.of() if one.webhook_id == webhook.id][::-1]


def _event_row(team: Team, delivery: Delivery) -> JsonObject:
    return {
        "id": delivery.id,
        "type": delivery.type,
        "created_at": moment(team, delivery.created_at),
        "status": _STATES.get(delivery.status, delivery.status),
    }


def _after_list(call: Call, rows: Sequence[T], shown: Callable[[T], JsonObject]) -> Reply:
    """These two lists know `limit` and `after` only, and their ids are no UUIDs."""
    text = call.query.get("limit", str(USUAL))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST:
        raise invalid(f"The `limit` parameter must be a number from 1 to {LARGEST}.")
    after = call.query.get("after")
    ids = [row.id for row in rows]
    start = ids.index(after) + 1 if after in ids else 0
    stop = start + int(text)
    data = [shown(row) for row in rows[start:stop]]
    return json_reply({"object": "list", "has_more": stop < len(rows), "data": data})


def _endpoint(team: Team, body: Mapping[str, Any]) -> str:
    endpoint = required_text(body, "endpoint")
    schemes = (
        ("https://",) if team.quirks["webhook_endpoint"] == "https" else ("https://", "http://")
    )
    if not endpoint.startswith(schemes):
        raise invalid("The `endpoint` field must be an https URL.")
    return endpoint


def _events(team: Team, body: Mapping[str, Any]) -> list[str]:
    events = body.get("events")
    if events is None:
        raise missing("events")
    known = OLD_EVENTS + (NEW_EVENTS if team.quirks["webhook_events"] == "all" else [])
    if not isinstance(events, list) or not events:
        raise invalid("The `events` field must be a list with at least one event.")
    for event in events:
        if event not in known:
            raise invalid(f"Unknown event {event!r}.")
    return events


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def _with_secret(webhook: Webhook) -> JsonObject:
    return {"object": "webhook", "id": webhook.id, "signing_secret": webhook.signing_secret}
