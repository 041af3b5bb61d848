"""The results of a pull and of a push, as commands print them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from ..sync.pull import PullReport
from ..sync.push import PushReport
from .base import DONE, INCOMPLETE, ResendCommand
from .output import table


def finish_pull(command: ResendCommand, report: PullReport, options: dict[str, Any]) -> int:
    """Print what a pull did; returns the exit code."""
    if options["json"]:
        command.print_json(pull_json(report))
    else:
        changed = {name: count for name, count in report.counts.items() if count}
        rows: list[tuple[object, ...]] = [
            (name.replace("_", " "), count) for name, count in changed.items()
        ]
        command.stdout.write(table([*rows, (_("calls"), report.calls)], right=[1]))
        for sentence in report.stopped:
            command.stderr.write(sentence)
    return DONE if report.complete else INCOMPLETE


def finish_push(command: ResendCommand, report: PushReport, options: dict[str, Any]) -> int:
    """Print what a push did; returns the exit code."""
    if options["json"]:
        command.print_json(push_json(report))
    else:
        rows = [
            (_("pushed"), report.done),
            (_("refused"), report.refused),
            (_("to be tried again"), report.retried),
            (_("calls"), report.calls),
        ]
        command.stdout.write(table(rows, right=[1]))
        if report.refused:
            command.stderr.write(_("Why rows were refused: resend_status, or the admin's outbox."))
    return DONE if report.complete else INCOMPLETE


def pull_json(report: PullReport) -> dict[str, Any]:
    return {
        "counts": report.counts,
        "calls": report.calls,
        "calls_by_route": report.calls_by_route,
        "stopped": report.stopped,
        "resumed": report.resumed,
    }


def push_json(report: PushReport) -> dict[str, Any]:
    return {
        "pushed": report.done,
        "refused": report.refused,
        "retried": report.retried,
        "calls": report.calls,
        "calls_by_route": report.calls_by_route,
    }
