"""A host that includes the API alone, under a prefix of its own."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("mailing/v1/", include("django_resend.api.urls"))]
