"""The webhook endpoint, and the bare one it is held against."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from standardwebhooks import Webhook, WebhookVerificationError

from .plain.models import PlainEvent
from .settings import WEBHOOK_SECRET


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    headers = {
        f"webhook-{name}": request.headers[f"svix-{name}"]
        for name in ("id", "timestamp", "signature")
    }
    try:
        payload = Webhook(WEBHOOK_SECRET).verify(request.body, headers)
    except WebhookVerificationError:
        return HttpResponse(status=400)
    PlainEvent.objects.create(message_id=headers["webhook-id"], payload=payload)
    return HttpResponse(status=204)


urlpatterns = [path("resend/", include("django_resend.urls")), path("bare/", bare)]
