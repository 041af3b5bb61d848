"""Exporting contacts as CSV: an action on the selected ones, and a page for all."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..csvfiles.exporting import export_csv
from ..models import Contact
from .bases import ModelAdmin
from .confirm import log_action


class ExportPages(ModelAdmin):
    """The export, for the admin of contacts."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [
            path("export/", view, name="django_resend_contact_export"),
            *super().get_urls(),
        ]

    @admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Any]) -> StreamingHttpResponse:
        return self._exported(request, queryset)

    def export_view(self, request: HttpRequest) -> Any:
        """Ask first: the answer is a file with everybody's data."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        contacts = Contact.objects.all()
        if request.method == "POST":
            return self._exported(request, contacts)
        return self._export_page(request, contacts.count())

    def _export_page(self, request: HttpRequest, count: int) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Export contacts"),
            "opts": self.opts,
            "media": self.media,
            "count": count,
            "back": reverse(f"{self.admin_site.name}:django_resend_contact_changelist"),
        }
        return TemplateResponse(request, "django_resend/admin/csv_export.html", context)

    def _exported(self, request: HttpRequest, contacts: QuerySet[Any]) -> StreamingHttpResponse:
        log_action(self, request, count=contacts.count(), what=_("Export as CSV"), flag=CHANGE)
        response = StreamingHttpResponse(
            export_csv(contacts, mark=True), content_type="text/csv; charset=utf-8"
        )
        name = f"contacts-{timezone.localdate():%Y-%m-%d}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Cache-Control"] = "no-store"
        return response
