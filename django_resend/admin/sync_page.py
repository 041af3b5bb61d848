"""The page that answers “is it healthy?”: what waits, what was refused, how the last runs went."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from ..conf import resend_settings
from ..models import CallBudget, ConflictRecord, Contact, Job, OutboxEntry, SyncRun, WebhookEvent
from ..sync.jobs import find, queue
from ..sync.limiter import UNLIMITED
from ..sync.plan import plan_drift, plan_pull
from ..sync.status import Status, read_status
from .bases import ModelAdmin
from .charts import recent_charts
from .confirm import Text
from .job_pages import progress_url
from .price import price

RECENT = timedelta(days=14)

OPERATIONS = ("pull", "push", "drift")


class SyncPage(ModelAdmin):
    """The page and its buttons, for the admin of sync runs."""

    def sync_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        start = view(require_POST(self.start_view))
        return [
            path("overview/", view(self.sync_view), name="django_resend_sync"),
            path("start/<slug:operation>/", start, name="django_resend_sync_start"),
        ]

    def sync_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        status = read_status()
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Sync"),
            "opts": self.opts,
            "status": status,
            "worries": list(self._worries(status)),
            "facts": list(self._facts(status)),
            "runs": self._last_runs(),
            "charts": recent_charts(),
            "jobs": Job.objects.filter(state__in=Job.UNFINISHED).count(),
            "starts": self._starts(request),
            "media": self.media,
        }
        return TemplateResponse(request, "django_resend/admin/sync.html", context)

    def start_view(self, request: HttpRequest, operation: str) -> HttpResponse:
        if not _may_start(request) or operation not in _allowed():
            raise PermissionDenied
        job = queue(operation, {}, by=request.user)
        what = str(getattr(find(operation), "label", operation))
        self.log_change(request, job, what)
        return HttpResponseRedirect(progress_url(self, job))

    def _starts(self, request: HttpRequest) -> list[dict[str, Any]]:
        if not _may_start(request):
            return []
        return [
            {
                "label": getattr(find(operation), "label", operation),
                "cost": _cost(operation),
                "url": reverse(
                    f"{self.admin_site.name}:django_resend_sync_start", args=[operation]
                ),
            }
            for operation in _allowed()
        ]

    def _worries(self, status: Status) -> Iterable[tuple[Text, str]]:
        """What keeps the mirror from being healthy, each with where to look."""
        if not status.configured:
            yield _("No API key is set: nothing is pulled or pushed."), ""
        if status.refused:
            sentence = ngettext(
                "Resend refused %d change.", "Resend refused %d changes.", status.refused
            )
            yield sentence % status.refused, self._list(OutboxEntry, "state__exact=refused")
        for run in self._last_runs():
            if run.state in (SyncRun.State.FAILED, SyncRun.State.STOPPED):
                words = {"action": run.get_action_display(), "why": run.message}
                yield _("The last %(action)s did not end well: %(why)s") % words, self._run(run)
        drift = _last_comparison()
        if drift is not None and drift.counts.get("drift") and not _pulled_since(drift):
            found = drift.counts["drift"]
            sentence = ngettext(
                "The last comparison found %d difference.",
                "The last comparison found %d differences.",
                found,
            )
            yield sentence % found, self._run(drift)
        budget = CallBudget.objects.filter(paused_until__gt=timezone.now()).first()
        if budget is not None:
            yield _("Calls to Resend are paused."), self._list(CallBudget)
        failed = status.webhooks.failed
        if failed:
            sentence = ngettext(
                "%d webhook event could not be applied.",
                "%d webhook events could not be applied.",
                failed,
            )
            yield sentence % failed, self._list(WebhookEvent, "state__exact=failed")
        if status.webhooks.silent:
            hours = int(resend_settings.webhook_silence)
            sentence = _("No webhook event came for more than %d hours.") % hours
            yield sentence, self._list(WebhookEvent)

    def _facts(self, status: Status) -> Iterable[tuple[Text, Any, str]]:
        now = timezone.now()
        yield _("Waiting to be pushed"), status.waiting, self._list(OutboxEntry)
        if status.oldest_waiting:
            yield _("Waiting longest since"), status.oldest_waiting, ""
        yield _("Refused"), status.refused, self._list(OutboxEntry, "state__exact=refused")
        attention = Contact.objects.exclude(attention="").count()
        yield _("Contacts that need attention"), attention, self._list(Contact)
        conflicts = ConflictRecord.objects.filter(recorded_at__gte=now - RECENT).count()
        yield _("Conflicts in two weeks"), conflicts, self._list(ConflictRecord)
        drift = _last_comparison()
        found = drift.counts.get("drift") if drift is not None else None
        yield (
            _("Differences at the last comparison"),
            _("not compared yet") if found is None else found,
            self._run(drift) if drift is not None else "",
        )
        unlimited = status.rate >= UNLIMITED
        rate = _("no limit") if unlimited else _("%.1f calls a second") % status.rate
        yield _("Rate"), rate, self._list(CallBudget)
        if not unlimited:
            told = {
                "calls": status.budget.calls_last_minute,
                "used": status.budget.used * 100,
                "today": status.budget.calls_today,
            }
            used = _("%(calls)d, %(used).0f %% of the limit; %(today)d today") % told
            yield _("Calls in the last minute"), used, self._list(CallBudget)
        latest = status.webhooks.last_at
        yield _("Last webhook event"), latest or _("none yet"), self._list(WebhookEvent)

    def _last_runs(self) -> list[SyncRun]:
        latest = (SyncRun.objects.filter(action=action).first() for action in SyncRun.Action)
        return [run for run in latest if run is not None]

    def _list(self, model: type[Any], query: str = "") -> str:
        name = f"{self.admin_site.name}:django_resend_{model._meta.model_name}_changelist"
        return reverse(name) + (f"?{query}" if query else "")

    def _run(self, run: SyncRun) -> str:
        return reverse(f"{self.admin_site.name}:django_resend_syncrun_change", args=[run.pk])


def _last_comparison() -> SyncRun | None:
    return SyncRun.objects.filter(action=SyncRun.Action.DRIFT).first()


def _pulled_since(run: SyncRun) -> bool:
    """A pull takes over what a comparison found."""
    pulls = SyncRun.objects.filter(action=SyncRun.Action.PULL, state=SyncRun.State.DONE)
    return pulls.filter(pk__gt=run.pk).exists()


def _may_start(request: HttpRequest) -> bool:
    return request.user.has_perm("django_resend.change_contact")


def _allowed() -> list[str]:
    """The operations that the site's direction permits."""
    hindered = {"pull": not resend_settings.may_pull, "push": not resend_settings.may_push}
    return [operation for operation in OPERATIONS if not hindered.get(operation)]


def _cost(operation: str) -> str:
    if operation == "push":
        return ""
    plan = plan_pull(deep=False) if operation == "pull" else plan_drift()
    return price(plan.calls)
