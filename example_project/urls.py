"""The site's pages, its admin, the REST API and the address of Resend's webhook."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("example_project.newsletter.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("django_resend.api.urls")),
    path("resend/", include("django_resend.urls")),
]
