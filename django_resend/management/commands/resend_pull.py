"""Pull from Resend: definitions, contacts, memberships, then properties and topic choices."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from ...sync.coverage import find_coverage
from ...sync.plan import plan_pull
from ...sync.pull import pull_all
from ..base import COULD_NOT_RUN, DONE, ResendCommand
from ..reports import finish_pull


class Command(ResendCommand):
    help = _("Bring what is at Resend into the mirror.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        self.add_dry_run(parser)
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--shallow",
            action="store_true",
            help=_("Leave out properties and topic choices: two calls a contact."),
        )
        which.add_argument(
            "--deep", action="store_true", help=_("Read properties and topic choices only.")
        )
        parser.add_argument(
            "--full",
            action="store_true",
            help=_(
                "Walk the list of contacts to its end, also where their segments' lists would do."
            ),
        )
        parser.add_argument(
            "--allow-deletions",
            action="store_true",
            help=_("Let a pull delete many rows at once."),
        )

    def run(self, **options: Any) -> int:
        shallow, deep = not options["deep"], not options["shallow"]
        if options["full"] and not shallow:
            raise CommandError(
                _("--deep reads no list, so there is none for --full to walk."),
                returncode=COULD_NOT_RUN,
            )
        if options["dry_run"]:
            coverage = find_coverage() if shallow and not options["full"] else None
            self.print_plan(plan_pull(shallow=shallow, deep=deep, coverage=coverage), options)
            return DONE
        progress = self.progress(options)
        report = pull_all(
            shallow=shallow,
            deep=deep,
            full=options["full"],
            allow_deletions=options["allow_deletions"],
            progress=progress,
        )
        return finish_pull(self, report, options)
