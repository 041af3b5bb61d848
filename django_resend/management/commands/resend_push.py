"""Push the outbox to Resend now, without waiting for Celery."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from ...sync.jobs import run_jobs
from ...sync.push import push_outbox
from ...sync.push.plan import plan_push
from ..base import DONE, ResendCommand
from ..reports import finish_push


class Command(ResendCommand):
    help = _("Send the local changes that wait in the outbox to Resend.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        self.add_dry_run(parser)

    def run(self, **options: Any) -> int:
        if options["dry_run"]:
            self.print_plan(plan_push(), options)
            return DONE
        run_jobs()
        return finish_push(self, push_outbox(progress=self.progress(options)), options)
