"""Compare mirror and Resend; say each difference and its likely cause."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _

from ...sync.drift import DriftReport, find_drift, repair_drift
from ...sync.plan import plan_drift
from ..base import DONE, INCOMPLETE, ResendCommand
from ..output import table

SHOWN = 50


class Command(ResendCommand):
    help = _("Find differences between mirror and Resend that no pending work explains.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        self.add_dry_run(parser)
        parser.add_argument(
            "--deep", action="store_true", help=_("Compare properties and topic choices too.")
        )
        parser.add_argument(
            "--sample",
            type=int,
            metavar="N",
            help=_("Read about N contacts whole instead of all lists: a cheap estimate."),
        )
        parser.add_argument(
            "--repair",
            action="store_true",
            help=_("Take over what changed at Resend and queue what changed here."),
        )
        parser.add_argument(
            "--allow-deletions",
            action="store_true",
            help=_("Let a repair delete many rows at once."),
        )

    def run(self, **options: Any) -> int:
        deep, sample = options["deep"], options["sample"]
        if sample is not None and (sample < 1 or options["repair"]):
            self.stderr.write(_("--sample takes a number from 1 on, and not with --repair."))
            raise SystemExit(2)
        if options["dry_run"]:
            self.print_plan(plan_drift(deep=deep, sample=sample), options)
            return DONE
        progress = self.progress(options)
        report = find_drift(deep=deep, sample=sample, progress=progress)
        if options["repair"] and report.drift:
            allowed = options["allow_deletions"]
            pulled = repair_drift(deep=deep, allow_deletions=allowed, progress=progress)
            for sentence in pulled.stopped:
                self.stderr.write(sentence)
        self._print(report, options)
        return INCOMPLETE if report.drift else DONE

    def _print(self, report: DriftReport, options: dict[str, Any]) -> None:
        if options["json"]:
            self.print_json(asdict(report))
            return
        if report.differences:
            head = (_("what"), _("field"), _("here"), _("at Resend"), _("likely cause"))
            rows = [
                (d.what, d.field or d.kind, _short(d.local), _short(d.remote), d.cause.value)
                for d in report.differences[:SHOWN]
            ]
            self.stdout.write(table([head, *rows]))
            if report.drift > SHOWN:
                self.stdout.write(_("… and %d more.") % (report.drift - SHOWN))
        self.stdout.write(
            _("%(drift)d differences, %(waiting)d more wait to be pushed; %(calls)d calls.")
            % {"drift": report.drift, "waiting": report.waiting, "calls": report.calls}
        )


def _short(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 30 else text[:29] + "…"
