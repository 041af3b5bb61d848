"""Delete old bookkeeping: webhook events, runs, conflicts."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from ...sync.cleanup import clean_up
from ..base import DONE, ResendCommand
from ..output import table


class Command(ResendCommand):
    help = _("Delete webhook events, runs and conflicts that are older than the settings say.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help=_("Only say how many would be deleted.")
        )

    def run(self, **options: Any) -> int:
        found = clean_up(dry_run=options["dry_run"])
        if options["json"]:
            self.print_json({**found})
        else:
            self.stdout.write(table(list(found.items()), right=[1]))
        return DONE
