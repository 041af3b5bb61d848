"""What our commands share: options, exit codes, errors in one sentence."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from ..client.errors import ResendError
from ..sync.errors import SyncStopped
from ..sync.plan import Plan, Stage
from ..sync.progress import Progress, Silent
from .output import CommandProgress, duration, table

DONE, INCOMPLETE, COULD_NOT_RUN = 0, 1, 2
"""Exit codes: all done; finished but some rows refused or drift found; could not run."""


class ResendCommand(BaseCommand):
    """A command of ours: implement ``run``, which returns an exit code."""

    requires_migrations_checks = True
    # A bad setting is this run's own error, with its exit code.
    requires_system_checks: list[str] = []

    _progress: Progress = Silent()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("Print the result as JSON."))

    def add_dry_run(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Only say how many calls it would make and how long they would take."),
        )
        parser.add_argument("--no-progress", action="store_true", help=_("Show no progress."))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self._run_to_the_end(options)
        except (SyncStopped, ImproperlyConfigured, ResendError) as error:
            raise CommandError(str(error), returncode=COULD_NOT_RUN) from error
        except KeyboardInterrupt:
            raise CommandError(
                _("Stopped. What was done until now stays; the next run goes on from here."),
                returncode=INCOMPLETE,
            ) from None
        if code:
            raise SystemExit(code)

    def _run_to_the_end(self, options: dict[str, Any]) -> int:
        try:
            return self.run(**options)
        finally:
            self._progress.close()

    def run(self, **options: Any) -> int:
        """Do the work; return one of the exit codes."""
        raise NotImplementedError

    def progress(self, options: dict[str, Any]) -> Progress:
        """Progress goes to standard error, so that a table or JSON can be piped."""
        if not options["no_progress"] and options["verbosity"] > 0:
            self._progress = CommandProgress(
                lambda text: self.stderr.write(text, style_func=str, ending=""),
                terminal=self.stderr.isatty(),
            )
        return self._progress

    def print_json(self, value: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(value, indent=2, default=str))

    def print_plan(self, plan: Plan, options: dict[str, Any]) -> None:
        if options["json"]:
            self.print_json(plan_json(plan))
            return
        rows: list[tuple[object, ...]] = [(_("stage"), _("calls"), _("time"))]
        for stage in (*plan.stages, Stage(_("all"), plan.calls, plan.exact)):
            calls = stage.calls if stage.exact else f"~{stage.calls}"
            rows.append((stage.name, calls, duration(plan.seconds_for(stage.calls))))
        self.stdout.write(table(rows, right=[1, 2]))
        self.stdout.write(
            _("About %(time)s at %(rate).1f calls a second. Nothing was sent.")
            % {"time": duration(plan.seconds), "rate": plan.rate}
        )


def plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "stages": [
            {
                "name": stage.name,
                "calls": stage.calls,
                "exact": stage.exact,
                "seconds": round(plan.seconds_for(stage.calls), 1),
            }
            for stage in plan.stages
        ],
        "calls": plan.calls,
        "exact": plan.exact,
        "rate": plan.rate,
        "seconds": round(plan.seconds, 1),
    }
