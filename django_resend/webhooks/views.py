"""The webhook endpoint: verify, store, answer. What an event means is worked out later."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ..conf import resend_settings
from ..models import WebhookEvent
from .signature import BadSignature, verify

logger = logging.getLogger("django_resend.webhooks")

MAX_BODY_BYTES = 262_144


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Store a verified event once, however often it comes, and answer 204.

    Answers 400 to what isn't proved to be Resend's, 413 to what is too large; neither leaves a
    trace in the database.
    """
    if _length(request) > MAX_BODY_BYTES:
        return HttpResponse("The body is too large.", status=413, content_type="text/plain")
    body = request.body
    try:
        message_id = verify(request.headers, body, resend_settings.webhook_secrets, time.time())
        payload = _payload(body)
    except BadSignature as error:
        logger.warning("A webhook was refused: %s", error)
        return HttpResponse(str(error), status=400, content_type="text/plain")
    _store(message_id, payload)
    return HttpResponse(status=204)


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isdigit() else 0


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadSignature("The body is no JSON.") from error
    if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
        raise BadSignature("The body is no event.")
    return payload


def _store(message_id: str, payload: dict[str, Any]) -> None:
    happened_at = payload.get("created_at")
    event = WebhookEvent(
        message_id=message_id[:255],
        type=payload["type"][:64],
        payload=payload,
        happened_at=parse_datetime(happened_at) if isinstance(happened_at, str) else None,
    )
    WebhookEvent.objects.bulk_create([event], ignore_conflicts=True)
