"""How the mirror stands, without a call to Resend."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ...sync.limiter import UNLIMITED, Usage, resume
from ...sync.status import Status, WebhookStatus, read_status
from ..base import DONE, INCOMPLETE, ResendCommand
from ..output import table


class Command(ResendCommand):
    help = _("Say what waits, what was refused, and when the mirror last ran.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--resume",
            action="store_true",
            help=_("Lift the pause after a used-up quota: call again from now on."),
        )

    def run(self, **options: Any) -> int:
        if options["resume"]:
            resume()
        status = read_status()
        if options["json"]:
            self.print_json({**asdict(status), "healthy": status.healthy})
        else:
            self._print(status)
        return DONE if status.healthy else INCOMPLETE

    def _print(self, status: Status) -> None:
        rows: list[tuple[object, ...]] = list(status.rows.items())
        rows += [
            (_("waiting to be pushed"), status.waiting),
            (_("refused"), status.refused),
        ]
        self.stdout.write(table(rows, right=[1]))
        self._print_budget(status.budget)
        for run in status.runs:
            started = timezone.localtime(run.started_at)
            told = {
                "action": run.action,
                "state": run.state,
                "time": f"{started:%Y-%m-%d %H:%M}",
                "calls": run.calls,
                "planned": "-" if run.planned_calls is None else run.planned_calls,
            }
            sentence = _("Last %(action)s: %(state)s, begun %(time)s, %(calls)s calls")
            self.stdout.write(f"{sentence}, {_('planned: %(planned)s')}" % told)
            if run.message:
                self.stdout.write(f"  {run.message}")
        self._print_webhooks(status.webhooks)
        if not status.configured:
            self.stdout.write(_("No API key is set: nothing is pulled or pushed."))
        for refusal in status.refusals:
            words = " ".join(str(part) for part in (refusal.status, refusal.name) if part)
            self.stdout.write(
                self.style.WARNING(f"{refusal.what} {refusal.object_id}: {words} {refusal.message}")
            )

    def _print_webhooks(self, webhooks: WebhookStatus) -> None:
        if webhooks.last_at is not None:
            told = {
                "time": f"{timezone.localtime(webhooks.last_at):%Y-%m-%d %H:%M}",
                "waiting": webhooks.waiting,
                "failed": webhooks.failed,
            }
            line = _("Last webhook: %(time)s, %(waiting)s waiting, %(failed)s failed") % told
            self.stdout.write(line)
        if webhooks.silent:
            sentence = _("No webhook came for long: see resend_webhook check.")
            self.stdout.write(self.style.WARNING(sentence))

    def _print_budget(self, budget: Usage) -> None:
        self.stdout.write(_rate(budget))
        if budget.rate < UNLIMITED:
            told = {
                "minute": budget.calls_last_minute,
                "used": budget.used * 100,
                "today": budget.calls_today,
            }
            minute = _("Calls: %(minute)d in the last minute, %(used).0f %% of the limit")
            self.stdout.write(f"{minute}; {_('%(today)d today')}" % told)
        if budget.paused_until is not None:
            until = timezone.localtime(budget.paused_until)
            self.stdout.write(
                self.style.WARNING(
                    _(
                        "No calls until %(time)s: the Resend team's quota was used up. To call "
                        "before, raise the plan at Resend and run resend_status --resume."
                    )
                    % {"time": f"{until:%Y-%m-%d %H:%M %Z}"}
                )
            )


def _rate(budget: Usage) -> str:
    if budget.rate >= UNLIMITED:
        return _("No limit of calls; they are not counted")
    if budget.limit is None:
        return _("%(rate).1f calls a second until Resend tells the limit") % asdict(budget)
    if budget.slowed:
        return _("%(rate).1f of %(limit).1f calls a second: others use the limit too") % asdict(
            budget
        )
    return _("%(rate).1f of %(limit).1f calls a second, %(kept_free).1f kept free") % asdict(budget)
