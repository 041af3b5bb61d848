"""What a job's pages show, and where they are."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Job
from ..models.bulk import LeftOut
from ..sync.jobs import find
from ..sync.pull.chosen import Outcome
from .bases import ModelAdmin
from .confirm import Text

IMPATIENT_SECONDS = 10
"""After so long without a worker the page says what to do."""

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""With these a cell begins that a spreadsheet would take for a formula."""

OUTCOMES: Mapping[str, Text] = {
    **dict(Outcome.choices),
    "changed": gettext_lazy("changed"),
    "unchanged": gettext_lazy("were so already"),
    **{str(value): label for value, label in LeftOut.choices},
    "gone": gettext_lazy("deleted meanwhile"),
    "unsubscribed": gettext_lazy("of the changed: unsubscribed from all broadcasts"),
    "drift": gettext_lazy("differences"),
    "waiting": gettext_lazy("explained by what waits in the outbox"),
    "pushed": gettext_lazy("pushed"),
    "refused": gettext_lazy("refused by Resend"),
    "calls": gettext_lazy("calls to Resend"),
    "stopped": gettext_lazy("not done"),
}

STAGES: Mapping[str, Text] = {
    "definitions": gettext_lazy("definitions"),
    "contacts": gettext_lazy("contacts"),
    "contacts one by one": gettext_lazy("contacts one by one"),
    "memberships": gettext_lazy("segment memberships"),
    "properties and topics": gettext_lazy("properties and topics"),
    "proving deletions": gettext_lazy("proving deletions"),
}
"""The stages of a pull or a comparison, as the engine names them."""


def progress_url(model_admin: ModelAdmin, job: Job, page: str = "change") -> str:
    return reverse(f"{model_admin.admin_site.name}:django_resend_job_{page}", args=[job.pk])


def title_of(job: Job) -> str:
    operation = find(job.operation)
    return str(operation.label if operation and operation.label else job.operation)


def description_of(job: Job) -> str:
    operation = find(job.operation)
    return operation.describe(job.arguments) if operation else ""


def outcome_label(job: Job, outcome: str) -> str:
    """An outcome in words: the operation's own first."""
    operation = find(job.operation)
    known = {**OUTCOMES, **(operation.outcomes if operation else {})}
    return str(known.get(outcome) or outcome.replace("_", " "))


def fragment(model_admin: ModelAdmin, request: HttpRequest, job: Job) -> str:
    """The part of the progress page that changes."""
    stage = job.counts.get("stage", "")
    counts = {name: count for name, count in job.counts.items() if name != "stage" and count}
    context = {
        "job": job,
        "percent": min(100, round(100 * job.done / job.total)) if job.total else None,
        "stage": STAGES.get(stage, stage),
        "counts": [(capfirst(outcome_label(job, name)), n) for name, n in counts.items()],
        "lonely": _is_lonely(job),
        "has_results": job.is_finished and job.results.exists(),
        "results_url": progress_url(model_admin, job, "results"),
    }
    return render_to_string("django_resend/admin/job_progress.html", context, request)


def _is_lonely(job: Job) -> bool:
    quiet = (timezone.now() - job.heartbeat_at).total_seconds() > IMPATIENT_SECONDS
    return not job.is_finished and job.lease is None and quiet


class _Echo:
    """A file that gives back what is written: csv then serves as a formatter."""

    def write(self, line: str) -> str:
        return line


def results_csv(job: Job) -> StreamingHttpResponse:
    """The results, a line a row; cells that a spreadsheet would run get an apostrophe first."""
    response = StreamingHttpResponse(_lines(job), content_type="text/csv; charset=utf-8")
    name = f"{job.operation}-{job.pk}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(job: Job) -> Iterator[str]:
    write = csv.writer(_Echo()).writerow
    # Excel takes a file without the mark for Latin-1.
    yield "\ufeff" + write([_("subject"), _("outcome"), _("detail")])
    labels: dict[str, str] = {}
    for row in job.results.order_by("pk").iterator(2000):
        label = labels.get(row.outcome)
        if label is None:
            label = labels[row.outcome] = outcome_label(job, row.outcome)
        yield write(_harmless([row.subject, label, row.detail]))


def _harmless(cells: Iterable[str]) -> list[Any]:
    return [f"'{cell}" if cell.startswith(DANGEROUS) else cell for cell in cells]
