"""How the mirror stands, without a call to Resend."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ...sync.status import Status, read_status
from ..base import DONE, INCOMPLETE, ResendCommand
from ..output import table


class Command(ResendCommand):
    help = _("Say what waits, what was refused, and when the mirror last ran.")

    def run(self, **options: Any) -> int:
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
            (_("calls a second"), f"{status.rate:.1f}"),
        ]
        self.stdout.write(table(rows, right=[1]))
        for run in status.runs:
            started = timezone.localtime(run.started_at)
            self.stdout.write(
                _("Last %(action)s: %(state)s, begun %(time)s, %(calls)s calls")
                % {
                    "action": run.action,
                    "state": run.state,
                    "time": f"{started:%Y-%m-%d %H:%M}",
                    "calls": run.calls,
                }
            )
            if run.message:
                self.stdout.write(f"  {run.message}")
        if not status.configured:
            self.stdout.write(_("No API key is set: nothing is pulled or pushed."))
        for refusal in status.refusals:
            words = " ".join(str(part) for part in (refusal.status, refusal.name) if part)
            self.stdout.write(
                self.style.WARNING(f"{refusal.what} {refusal.object_id}: {words} {refusal.message}")
            )
