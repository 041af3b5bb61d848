"""The site's pages, its admin and the REST API."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("example_project.newsletter.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("django_resend.api.urls")),
]
