"""Import and export, and the way to them from the list of contacts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from .csv_export import ExportPages
from .csv_import import ImportPages


class FilePages(ImportPages, ExportPages):
    """Both, for the admin of contacts."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        name = f"{self.admin_site.name}:django_resend_contact_%s"
        links = {
            "import_url": reverse(name % "import") if self.has_import_permission(request) else "",
            "export_url": reverse(name % "export"),
        }
        return super().changelist_view(request, {**links, **(extra_context or {})})
