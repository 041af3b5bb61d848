"""The imports of one push: begun before the single calls, settled while and after they are made."""

from __future__ import annotations

from functools import partial

from django.db.models import QuerySet
from django.utils import timezone

from ....client import Client, errors
from ....client.rows import ImportRow
from ....models import ContactImport, OutboxEntry
from ... import calls
from ...progress import Progress
from ...runs import Run, ended
from .groups import find_groups, may_pay
from .held import IMPORT_LEASE, renew
from .preparing import DEADLINE, Preparation
from .proofs import judge_changed, judge_created
from .sending import ImportsRefused, candidates, discard, send, settle_lost
from .settling import Settlement

State = ContactImport.State
Job = ContactImport.Job

FIRST_LOOK_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0


class Bulk:
    """What one push does by imports. A push that may not wait leaves them to a later one.

    ``done`` counts the contacts that need nothing more, ``notes`` are for people.
    """

    def __init__(
        self,
        client: Client,
        run: Run,
        progress: Progress,
        only: QuerySet[OutboxEntry] | None,
        *,
        may_wait: bool,
    ) -> None:
        self._client = client
        self._run = run
        self._progress = progress
        self._only = only
        self._may_wait = may_wait
        self._slept = 0.0
        self._looks = 0
        self.done = 0
        self.notes: list[str] = []

    def has_work(self) -> bool:
        """Whether it is worth a closer look; three queries."""
        return may_pay(self._only) or bool(left_open())

    def look_again(self) -> float | None:
        """Where imports are still under way, in how many seconds another push should look."""
        is_open = self._mine(State.SENT, State.SETTLING).exists()
        return max(self._pause(), FIRST_LOOK_SECONDS) if is_open else None

    def begin(self) -> bool:
        """Take up what other pushes left, and send what goes together."""
        self._take_over()
        groups = find_groups(self._only)
        if groups:
            contacts = sum(len(bunch.contacts) for bunch in groups.values())
            self._progress.stage("imports", contacts)
        for group, bunch in groups.items():
            Preparation(self._run.pk, group, bunch).record()
        self._send()
        return True

    def settle(self) -> bool:
        """Settle what has finished, waiting for it if this push may.

        Returns whether anything was settled; then its contacts may need single calls.
        """
        while self._mine(State.SENT, State.SETTLING).exists():
            seconds = self._pause()
            if self._may_wait:
                calls.pause(seconds)
                self._slept += seconds
            elif seconds or self._looks:
                return False
            self._looks += 1
            if self._look():
                return True
        return False

    def _mine(self, *states: State) -> QuerySet[ContactImport]:
        return ContactImport.objects.filter(run=self._run.pk, state__in=states)

    def _take_over(self) -> None:
        for job in left_open():
            free = ContactImport.objects.filter(
                pk=job.pk, run=job.run, leased_until=job.leased_until
            )
            if free.update(run=self._run.pk, leased_until=timezone.now() + IMPORT_LEASE):
                job.refresh_from_db()
                self._take_up(job)

    def _take_up(self, job: ContactImport) -> None:
        if job.state == State.SENDING:
            found = candidates(self._client, job)
            if found:
                settle_lost(job, found)
                return
        if job.state in (State.PREPARED, State.SENDING):
            if job.job == Job.OPT_IN:
                ContactImport.objects.filter(pk=job.pk).update(state=State.PREPARED)
            else:
                discard(job)

    def _send(self) -> None:
        try:
            for job in self._mine(State.PREPARED):
                renew(self._mine(State.PREPARED, State.SENT))
                send(self._client, job)
                self._progress.advance(job.rows)
                self._slept = 0.0
        except ImportsRefused as reason:
            self.notes.append(str(reason))
            self._progress.note(str(reason))
            self._discard_prepared()
        except errors.ResendError:
            self._discard_prepared()
            raise

    def _discard_prepared(self) -> None:
        """Let the next push, or single calls, begin with these anew.

        Opt-ins wait for the next push: to single calls they would look like opt-outs at Resend.
        """
        for job in self._mine(State.PREPARED).exclude(job=Job.OPT_IN):
            discard(job)

    def _pause(self) -> float:
        """Seconds until the next look: 2 at first, each half as long again, 30 at most."""
        latest = self._mine(State.SENT, State.SETTLING).order_by("-sent_at").first()
        sent_at = latest.sent_at if latest else None
        waited = (timezone.now() - sent_at).total_seconds() if sent_at else 0.0
        waited = max(waited, self._slept)
        if not self._looks:
            return max(0.0, FIRST_LOOK_SECONDS - waited)
        return min(max(FIRST_LOOK_SECONDS, waited / 2), LONGEST_PAUSE_SECONDS)

    def _look(self) -> bool:
        renew(self._mine(State.SENT, State.SETTLING))
        self._run.checkpoint("imports", {})
        if waiting := list(self._mine(State.SENT)):
            page = calls.patiently(lambda: self._client.imports.page())
            told = {row.id: row for row in page.rows}
            for job in waiting:
                self._note(job, told.get(job.remote_id))
        jobs = list(self._mine(State.SETTLING))
        creating = self._mine(State.SENT).filter(job=Job.CREATE).exists()
        ready = [job for job in jobs if not (job.job == Job.CREATE and creating)]
        self._judge([job for job in ready if "proved" not in job.verdict])
        for job in ready:
            self.done += Settlement(job, self._run.pk).settle()
        self._send()
        return bool(ready)

    def _note(self, job: ContactImport, row: ImportRow | None) -> None:
        """Note what Resend tells of an import, and whether it is over."""
        if row is None or (row.status == "completed" and not isinstance(row.counts, dict)):
            try:
                row = calls.patiently(partial(self._client.imports.get, job.remote_id))
            except (errors.NotFound, errors.Refused):
                row = None
        is_late = job.sent_at is None or timezone.now() > job.sent_at + DEADLINE
        if row is not None and row.status == "completed":
            job.begun_at, job.completed_at = row.created_at, row.completed_at or timezone.now()
            job.verdict = {"counts": row.counts if isinstance(row.counts, dict) else {}}
        elif row is None or row.status == "failed" or is_late:
            job.verdict = {"proved": False}
        else:
            return
        job.state = State.SETTLING
        job.save(update_fields=["state", "verdict", "begun_at", "completed_at"])

    def _judge(self, jobs: list[ContactImport]) -> None:
        created = [job for job in jobs if job.job == Job.CREATE]
        if created:
            judge_created(self._client, created)
        for job in jobs:
            if job.job != Job.CREATE:
                judge_changed(self._client, job)


def left_open() -> list[ContactImport]:
    """The open imports that no living push cares for."""
    jobs = list(ContactImport.objects.exclude(state__in=ContactImport.OVER))
    over = set(ended([job.run for job in jobs if job.run is not None]))
    now = timezone.now()
    return [job for job in jobs if job.run in over or job.leased_until < now]
