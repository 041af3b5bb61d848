"""The addresses of the test site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("django_resend.api.urls")),
    path("resend/", include("django_resend.urls")),
]
