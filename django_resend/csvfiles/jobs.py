"""Preview and import of an uploaded file as jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import IO, Any, ClassVar

from django.db import IntegrityError, OperationalError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Job
from ..models.batches import BATCH_ROWS
from ..sync.errors import SyncStopped
from ..sync.jobs import Operation, batch, register
from ..sync.jobs.batch import Batch
from ..sync.jobs.engine import JobProgress
from . import uploads
from .applying import write_records
from .errors import FileRefused
from .importing import LEFT, tally
from .instructions import Instructions, Orders, understand
from .records import Position, Record, read_records
from .survey import Survey, read_format, survey
from .targets import Catalogue
from .verdicts import Judge, Outcome, Verdict

PREVIEW, IMPORT = "csv_preview", "csv_import"

CALLS = "calls"
"""Counts the most calls that sending everything to Resend takes."""


class OfFile(Operation):
    """``arguments``: ``file`` (in the default storage), ``name`` (the person's own), and
    ``instructions``; the first step adds what it finds out as ``survey``."""

    quiet: ClassVar[Collection[Outcome]]
    """Outcomes that are counted and not told, unless consent left something."""

    outcomes = {
        **dict(Outcome.choices),
        LEFT: gettext_lazy("partly left as they were: consent"),
        CALLS: gettext_lazy("calls to Resend, at most"),
    }

    def total(self, arguments: Mapping[str, Any]) -> int:
        return int(arguments["survey"]["total"]) if "survey" in arguments else 0

    def describe(self, arguments: Mapping[str, Any]) -> str:
        return str(arguments["name"])

    def step(self, job: Job) -> bool:
        try:
            with uploads.kept(job.arguments["file"]) as file:
                orders = understand(Instructions.unpack(job.arguments["instructions"]), Catalogue())
                if "survey" not in job.arguments:
                    self._survey(job, file, orders)
                    return True
                return self._next_batch(job, file, orders)
        except FileRefused as reason:
            raise SyncStopped(str(reason)) from reason

    def prepare(self, orders: Orders) -> None:
        """What must be there before the first batch."""

    def work(self, judge: Judge, records: Sequence[Record]) -> list[Verdict]:
        """Decide about one batch, and do what this operation does."""
        raise NotImplementedError

    def count(self, verdicts: Sequence[Verdict]) -> Counter[str]:
        """What to add to the job's counts."""
        return tally(verdicts)

    def _survey(self, job: Job, file: IO[bytes], orders: Orders) -> None:
        progress = JobProgress(job, shown=False)
        found = survey(file, read_format(file), orders.address_column, progress=progress)
        with batch(job):
            job.arguments = {**job.arguments, "survey": found.pack()}
            job.total = found.total
            job.save(update_fields=["arguments", "total"])

    def _next_batch(self, job: Job, file: IO[bytes], orders: Orders) -> bool:
        surveyed = Survey.unpack(job.arguments["survey"])
        at = Position(*job.cursor["at"]) if "at" in job.cursor else None
        records = list(islice(read_records(file, surveyed.format, at), BATCH_ROWS))
        if not records:
            return False
        self.prepare(orders)
        try:
            with batch(job) as told:
                verdicts = self.work(Judge(orders, surveyed.repeats), records)
                told.rows, told.cursor = len(records), {"at": list(records[-1].after)}
                told.counts += self.count(verdicts)
                self._tell(told, verdicts)
        except IntegrityError as error:
            # Another process came between; who runs the job tries again, as after a lock.
            raise OperationalError(str(error)) from error
        return True

    def _tell(self, told: Batch, verdicts: Sequence[Verdict]) -> None:
        for one in verdicts:
            if one.notes or one.outcome not in self.quiet:
                line = _("line %d") % one.line
                detail = f"{line}: {one.detail}" if one.detail else line
                pk = one.contact.pk if one.contact else None
                told.tell(one.address, str(one.outcome), object_id=pk, detail=detail)


@register(PREVIEW)
class Preview(OfFile):
    """What an import would do with each record. Writes nothing."""

    label = gettext_lazy("Check a CSV file")
    quiet = tuple(outcome for outcome in Outcome if outcome != Outcome.REFUSED)

    def work(self, judge: Judge, records: Sequence[Record]) -> list[Verdict]:
        return judge(records)

    def count(self, verdicts: Sequence[Verdict]) -> Counter[str]:
        return tally(verdicts) + Counter({CALLS: sum(one.calls for one in verdicts)})

    def ended(self, job: Job) -> None:
        """The file stays for the import, unless there is nothing to import."""
        ended = Job.objects.values_list("state", flat=True).get(pk=job.pk)
        if ended != Job.State.DONE:
            uploads.remove(job.arguments["file"])


@register(IMPORT)
class Import(OfFile):
    label = gettext_lazy("Import from CSV")
    quiet = (Outcome.UNCHANGED, Outcome.SKIPPED)

    def prepare(self, orders: Orders) -> None:
        orders.create_properties()

    def work(self, judge: Judge, records: Sequence[Record]) -> list[Verdict]:
        return write_records(judge, records)

    def ended(self, job: Job) -> None:
        uploads.remove(job.arguments["file"])
