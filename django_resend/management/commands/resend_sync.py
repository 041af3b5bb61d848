"""Both ways, in the safe order."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from ...conf import resend_settings
from ...sync.coverage import find_coverage
from ...sync.jobs import run_jobs
from ...sync.plan import Plan, plan_pull
from ...sync.pull import PullReport, pull_all
from ...sync.push import PushReport, push_outbox
from ...sync.push.plan import plan_push
from ..base import DONE, ResendCommand
from ..reports import finish_pull, finish_push, pull_json, push_json


class Command(ResendCommand):
    """Pull first, so that an opt-out made at Resend is known before anything is sent."""

    help = _("Pull from Resend, then push what waits.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        self.add_dry_run(parser)
        parser.add_argument(
            "--shallow",
            action="store_true",
            help=_("Leave out properties and topic choices: two calls a contact."),
        )
        parser.add_argument(
            "--allow-deletions",
            action="store_true",
            help=_("Let a pull delete many rows at once."),
        )

    def run(self, **options: Any) -> int:
        if options["dry_run"]:
            pull = plan_pull(deep=not options["shallow"], coverage=find_coverage())
            push = plan_push()
            self.print_plan(Plan([*pull.stages, *push.stages], pull.rate), options)
            return DONE
        progress = self.progress(options)
        pulled, pushed = PullReport(), PushReport()
        if resend_settings.may_pull:
            pulled = pull_all(
                deep=not options["shallow"],
                allow_deletions=options["allow_deletions"],
                progress=progress,
            )
        run_jobs()
        if resend_settings.may_push:
            pushed = push_outbox(progress=progress)
        if options["json"]:
            self.print_json({"pull": pull_json(pulled), "push": push_json(pushed)})
            return max(int(not pulled.complete), int(not pushed.complete))
        return max(finish_pull(self, pulled, options), finish_push(self, pushed, options))
