"""The results of a pull and of a push, as commands print them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from ..sync.pull import PullReport
from ..sync.push import PushReport
from .base import DONE, INCOMPLETE, ResendCommand
from .output import duration, table


def finish_pull(command: ResendCommand, report: PullReport, options: dict[str, Any]) -> int:
    """Print what a pull did; returns the exit code."""
    if options["json"]:
        command.print_json(pull_json(report))
    else:
        changed = {name: count for name, count in report.counts.items() if count}
        rows: list[tuple[object, ...]] = [
            (name.replace("_", " "), count) for name, count in changed.items()
        ]
        rows += _cost(report)
        command.stdout.write(table(rows, right=[1]))
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
            *_cost(report),
        ]
        command.stdout.write(table(rows, right=[1]))
        for sentence in report.notes:
            command.stderr.write(sentence)
        if report.refused:
            command.stderr.write(_("Why rows were refused: resend_status, or the admin's outbox."))
    return DONE if report.complete else INCOMPLETE


def pull_json(report: PullReport) -> dict[str, Any]:
    return {
        "counts": report.counts,
        **_cost_json(report),
        "stopped": report.stopped,
        "resumed": report.resumed,
    }


def push_json(report: PushReport) -> dict[str, Any]:
    return {
        "pushed": report.done,
        "refused": report.refused,
        "retried": report.retried,
        **_cost_json(report),
        "notes": report.notes,
    }


def _cost(report: PullReport | PushReport) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [(_("calls"), report.calls)]
    if report.planned_calls is not None:
        rows.append((_("calls planned"), report.planned_calls))
    return [*rows, (_("time"), duration(report.seconds))]


def _cost_json(report: PullReport | PushReport) -> dict[str, Any]:
    return {
        "calls": report.calls,
        "planned_calls": report.planned_calls,
        "seconds": round(report.seconds, 1),
        "calls_by_route": report.calls_by_route,
    }
