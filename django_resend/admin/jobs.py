"""Jobs: their list, and the page on which one can be watched, cancelled and read afterwards."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ..models import Job
from ..sync.jobs import cancel
from .bookkeeping import ReadOnlyAdmin
from .job_pages import description_of, fragment, progress_url, results_csv, title_of


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Everyone sees their own jobs; those of others need the permission to view jobs."""

    list_display = ["title", "description", "badge", "progress", "created_by", "created_at"]
    list_filter = ["state"]
    list_select_related = ["created_by"]
    ordering = ["-pk"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if super().has_view_permission(request, obj):
            return True
        if not request.user.has_perm("django_resend.view_contact"):
            return False
        return obj is None or obj.created_by_id == request.user.pk

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        jobs: QuerySet[Any] = super().get_queryset(request)
        if super().has_view_permission(request):
            return jobs
        return jobs.filter(created_by=cast(Any, request.user))

    def may_cancel(self, request: HttpRequest, job: Job) -> bool:
        own = job.created_by_id is not None and job.created_by_id == request.user.pk
        return own or request.user.has_perm("django_resend.change_job")

    @admin.display(description=_("operation"), ordering="operation")
    def title(self, obj: Job) -> str:
        return title_of(obj)

    @admin.display(description=_("with"))
    def description(self, obj: Job) -> str:
        return description_of(obj)

    @admin.display(description=_("state"), ordering="state")
    def badge(self, obj: Job) -> Any:
        html = '<span class="resend-badge resend-job-{}">{}</span>'
        return format_html(html, obj.state, obj.get_state_display())

    @admin.display(description=_("done"))
    def progress(self, obj: Job) -> str:
        return f"{obj.done} / {obj.total}" if obj.total else str(obj.done)

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "django_resend_job_%s"
        ours = [
            path("<int:job_id>/state/", view(self.state_view), name=name % "state"),
            path("<int:job_id>/results/", view(self.results_view), name=name % "results"),
            path(
                "<int:job_id>/cancel/", view(require_POST(self.cancel_view)), name=name % "cancel"
            ),
        ]
        return [*ours, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The progress page; it can be left and opened again at any time."""
        job = self._job(request, object_id)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": title_of(job),
            "subtitle": description_of(job),
            "opts": self.opts,
            "job": job,
            "fragment": fragment(self, request, job),
            "state_url": progress_url(self, job, "state"),
            "cancel_url": progress_url(self, job, "cancel"),
            "may_cancel": self.may_cancel(request, job),
            "media": self.media,
        }
        return TemplateResponse(request, "django_resend/admin/job.html", context)

    def state_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """What the page's script asks for again and again."""
        job = self._job(request, str(job_id))
        html = fragment(self, request, job)
        return JsonResponse(
            {"state": job.get_state_display(), "finished": job.is_finished, "html": html},
            headers={"Cache-Control": "no-store"},
        )

    def results_view(self, request: HttpRequest, job_id: int) -> Any:
        return results_csv(self._job(request, str(job_id)))

    def cancel_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        job = self._job(request, str(job_id))
        if not self.may_cancel(request, job):
            raise PermissionDenied
        if cancel(job):
            self.log_change(request, job, str(_("Cancelled")))
            sentence = _("Cancelled. What was done until now stays.")
            self.message_user(request, sentence, messages.SUCCESS)
        return HttpResponseRedirect(progress_url(self, job))

    def _job(self, request: HttpRequest, object_id: str) -> Job:
        job = self.get_object(request, object_id)
        if job is None:
            raise Http404
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        return cast(Job, job)
