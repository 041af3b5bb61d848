"""The buttons on a contact's page: read it anew, or try its refused change again. Both queue."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ..conf import resend_settings
from ..models import Contact, Kind, OutboxEntry
from ..sync.jobs import queue
from ..sync.jobs.selection import pack_selection
from .bases import ModelAdmin
from .job_pages import progress_url


class Button(NamedTuple):
    label: str
    url: str


class ContactButtons(ModelAdmin):
    """The buttons, for the admin of contacts."""

    def buttons(self, request: HttpRequest, contact: Contact) -> list[Button]:
        """Those that make sense for this contact, for whoever may change it."""
        if not self.has_change_permission(request, contact):
            return []
        found = []
        if contact.remote_id and resend_settings.may_pull:
            found.append(Button(_("Pull now"), self._url("pull", contact)))
        entries = OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id=contact.pk)
        if resend_settings.may_push and entries.exists():
            found.append(Button(_("Try again"), self._url("retry", contact)))
        return found

    def button_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                f"<int:object_id>/{name}/",
                view(require_POST(getattr(self, f"{name}_view"))),
                name=f"django_resend_contact_{name}",
            )
            for name in ("pull", "retry")
        ]

    def pull_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._queue(request, object_id, "pull_contacts", resend_settings.may_pull)

    def retry_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._queue(request, object_id, "retry", resend_settings.may_push)

    def _queue(
        self, request: HttpRequest, object_id: int, operation: str, allowed: bool
    ) -> HttpResponse:
        contact: Any = self.get_object(request, str(object_id))
        if contact is None:
            raise Http404
        if not allowed or not self.has_change_permission(request, contact):
            raise PermissionDenied
        job = queue(operation, pack_selection([contact.pk]), by=request.user, total=1)
        what = _("Pull now") if operation == "pull_contacts" else _("Try again")
        self.log_change(request, contact, what)
        return HttpResponseRedirect(progress_url(self, job))

    def _url(self, name: str, contact: Contact) -> str:
        return reverse(f"{self.admin_site.name}:django_resend_contact_{name}", args=[contact.pk])
