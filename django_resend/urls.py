"""The URL that Resend calls; include it under a path of your choice."""

from __future__ import annotations

from django.urls import path

from .webhooks.views import receive

app_name = "django_resend"
urlpatterns = [path("webhook/", receive, name="webhook")]
