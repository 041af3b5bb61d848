"""The webhook endpoint: verify, store, answer. What an event means is worked out later."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ..conf import resend_settings
from ..models import WebhookEvent
from ..tasks import ask_for_events
from .payload import happened_at, read_payload
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
    try:
        # Where nobody told the length, it is known once the body is read.
        if _length(request) > MAX_BODY_BYTES or len(request.body) > MAX_BODY_BYTES:
            return _refusal("The body is too large.", status=413)
        body = request.body
        message_id = verify(request.headers, body, resend_settings.webhook_secrets, time.time())
        payload = read_payload(body)
    except (BadSignature, UnreadablePostError) as error:
        logger.warning("A webhook was refused: %s", error)
        return _refusal(str(error), status=400)
    _store(message_id, payload)
    return HttpResponse(status=204)


def _refusal(reason: str, *, status: int) -> HttpResponse:
    return HttpResponse(reason, status=status, content_type="text/plain")


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    if not (text.isascii() and text.isdigit()):
        raise BadSignature("The Content-Length is no number.")
    return int(text)


def _store(message_id: str, payload: dict[str, Any]) -> None:
    event = WebhookEvent(
        message_id=message_id,
        type=payload["type"][:64],
        payload=payload,
        happened_at=happened_at(payload),
    )
    try:
        # One statement by itself needs no transaction; within one its failure must not spoil it.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            event.save(force_insert=True)
    except IntegrityError:
        return
    transaction.on_commit(ask_for_events, robust=True)
