"""Importing a CSV file: upload, what its columns mean, what would happen, and then the job."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.models import CHANGE
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..csvfiles import uploads
from ..csvfiles.errors import FileRefused
from ..csvfiles.importing import LEFT, complete_counts
from ..csvfiles.instructions import Instructions, understand
from ..csvfiles.jobs import CALLS, IMPORT, PREVIEW
from ..csvfiles.records import read_records
from ..csvfiles.sniffing import sample_records
from ..csvfiles.survey import Survey, peek
from ..csvfiles.targets import Catalogue
from ..csvfiles.verdicts import Judge, Outcome, Verdict
from ..models import Job
from ..sync.jobs import queue, run_job
from .bases import ModelAdmin
from .confirm import log_action
from .csv_forms import ColumnsForm, UploadForm
from .job_actions import delivery
from .job_pages import fragment, progress_url

SHOWN = 100
SALT = "django_resend.csv_import"

AT_ONCE_BYTES = 1_000_000
AT_ONCE_SECONDS = 3.0
"""A small file is checked within the request; a longer check, and every import, is a job."""

COUNTED = [*Outcome.choices, (LEFT, gettext_lazy("partly left as they were: consent"))]


class ImportPages(ModelAdmin):
    """The pages of an import, for the admin of contacts."""

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "django_resend_contact_import%s"
        ours = [
            path("import/", view(self.upload_view), name=name % ""),
            path("import/columns/", view(self.columns_view), name=name % "_columns"),
            path("import/<int:job_id>/", view(self.preview_view), name=name % "_preview"),
        ]
        return [*ours, *super().get_urls()]

    def has_import_permission(self, request: HttpRequest) -> bool:
        """An import may create contacts and change them: it takes both permissions."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        self._check_import(request)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            upload = form.cleaned_data["file"]
            try:
                peek(upload)
            except FileRefused as reason:
                form.add_error("file", str(reason))
            else:
                upload.seek(0)
                kept = {"file": uploads.keep(upload), "name": upload.name}
                return HttpResponseRedirect(self._columns_url(request, kept))
        return self._import_page(request, "upload", _("Import contacts"), form=form)

    def columns_view(self, request: HttpRequest) -> HttpResponse:
        self._check_import(request)
        kept = self._kept(request)
        try:
            with uploads.kept(kept["file"]) as file:
                format = peek(file)
                sample = sample_records(file, format)
        except FileRefused as reason:
            return self._begin_again(request, str(reason))
        earlier = self._earlier(request)
        form = ColumnsForm(
            request.POST or None,
            format=format,
            sample=sample,
            earlier=earlier,
            may_create=request.user.has_perm("django_resend.add_contactproperty"),
        )
        if request.method == "POST" and form.is_valid():
            arguments = {**kept, "instructions": form.instructions.pack()}
            job = queue(PREVIEW, arguments, by=request.user)
            with uploads.kept(kept["file"]) as file:
                small = file.seek(0, 2) <= AT_ONCE_BYTES
            if small:
                run_job(job, seconds=AT_ONCE_SECONDS)
            return HttpResponseRedirect(self._import_url("_preview", job.pk))
        return self._import_page(
            request,
            "columns",
            _("What the columns mean"),
            form=form,
            format=format,
            name=kept["name"],
            back=self._import_url(""),
        )

    def preview_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        self._check_import(request)
        preview = Job.objects.filter(
            pk=job_id, operation=PREVIEW, created_by=cast(Any, request.user)
        ).first()
        if preview is None:
            raise Http404
        if preview.state == Job.State.DONE:
            return self._checked(request, preview)
        if preview.is_finished:
            return self._begin_again(request, preview.message or _("The check was cancelled."))
        return self._import_page(
            request,
            "checking",
            _("Checking the file"),
            job=preview,
            fragment=fragment(self, request, preview),
            state_url=progress_url(self, preview, "state"),
            back=self._changes_url(request, preview),
        )

    def _checked(self, request: HttpRequest, preview: Job) -> HttpResponse:
        begun = Job.objects.filter(operation=IMPORT, arguments__file=preview.arguments["file"])
        if begun.exists():
            return HttpResponseRedirect(progress_url(self, begun.latest("pk")))
        try:
            verdicts = _first_verdicts(preview)
        except FileRefused as reason:
            return self._begin_again(request, str(reason))
        if request.method == "POST":
            return self._import(request, preview)
        counts = complete_counts(preview.counts)
        survey = Survey.unpack(preview.arguments["survey"])
        return self._import_page(
            request,
            "preview",
            _("What the import will do"),
            job=preview,
            name=preview.arguments["name"],
            counts=[(label, counts[value]) for value, label in COUNTED if counts[value]],
            useful=counts[Outcome.NEW] + counts[Outcome.CHANGED],
            delivery=delivery(preview.counts.get(CALLS, 0)),
            total=survey.total,
            guessed=survey.format.guessed,
            headed=survey.format.headed,
            verdicts=verdicts,
            results_url=progress_url(self, preview, "results"),
            has_results=preview.results.exists(),
            back=self._changes_url(request, preview),
        )

    def _import(self, request: HttpRequest, preview: Job) -> HttpResponse:
        job = queue(IMPORT, preview.arguments, by=request.user)
        what = _("Import from CSV: %s") % preview.arguments["name"]
        log_action(self, request, count=job.total, what=what, flag=CHANGE)
        return HttpResponseRedirect(progress_url(self, job))

    def _check_import(self, request: HttpRequest) -> None:
        if not self.has_import_permission(request):
            raise PermissionDenied

    def _import_page(
        self, request: HttpRequest, page: str, title: str, **context: Any
    ) -> TemplateResponse:
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "media": self.media,
            "list_url": reverse(f"{self.admin_site.name}:django_resend_contact_changelist"),
            **context,
        }
        return TemplateResponse(request, f"django_resend/admin/csv_{page}.html", context)

    def _begin_again(self, request: HttpRequest, reason: str) -> HttpResponse:
        self.message_user(request, reason, messages.ERROR)
        return HttpResponseRedirect(self._import_url(""))

    def _import_url(self, page: str, *args: Any) -> str:
        name = f"{self.admin_site.name}:django_resend_contact_import{page}"
        return reverse(name, args=args)

    def _columns_url(self, request: HttpRequest, kept: dict[str, str]) -> str:
        """The stored file travels signed, and serves who uploaded it only."""
        token = signing.dumps(kept, salt=f"{SALT}:{request.user.pk}")
        return f"{self._import_url('_columns')}?file={token}"

    def _changes_url(self, request: HttpRequest, preview: Job) -> str:
        kept = {key: preview.arguments[key] for key in ("file", "name")}
        return f"{self._columns_url(request, kept)}&from={preview.pk}"

    def _kept(self, request: HttpRequest) -> dict[str, str]:
        try:
            kept: dict[str, str] = signing.loads(
                request.GET.get("file", ""), salt=f"{SALT}:{request.user.pk}"
            )
        except signing.BadSignature:
            raise Http404 from None
        return kept

    def _earlier(self, request: HttpRequest) -> Instructions | None:
        """What the person had chosen before looking at the preview."""
        number = request.GET.get("from", "")
        if not number.isdecimal():
            return None
        job = Job.objects.filter(
            pk=int(number), operation=PREVIEW, created_by=cast(Any, request.user)
        ).first()
        return Instructions.unpack(job.arguments["instructions"]) if job else None


def _first_verdicts(preview: Job) -> Sequence[Verdict]:
    """What would become of the first records now. Raises ``FileRefused``."""
    survey = Survey.unpack(preview.arguments["survey"])
    orders = understand(Instructions.unpack(preview.arguments["instructions"]), Catalogue())
    with uploads.kept(preview.arguments["file"]) as file:
        records = list(islice(read_records(file, survey.format), SHOWN))
    return Judge(orders, survey.repeats)(records)
