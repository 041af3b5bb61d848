"""Export contacts of the mirror as CSV."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import IO, Any

from django.core.management.base import CommandError, OutputWrapper
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ...csvfiles.exporting import export_csv
from ...csvfiles.targets import Catalogue
from ...models import Contact
from ...models.batches import BATCH_ROWS
from ..base import COULD_NOT_RUN, DONE, ResendCommand
from ..files import STANDARD, could_not_run, named, written
from ..output import table


class Command(ResendCommand):
    help = _("Export contacts with properties, segments and topics as CSV.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "file",
            metavar="FILE",
            nargs="?",
            default=STANDARD,
            help=_("The file to write, - for standard output."),
        )
        parser.add_argument(
            "--segment",
            action="append",
            default=[],
            metavar="NAME",
            help=_("Only the members of this segment; given twice, of either."),
        )
        parser.add_argument(
            "--unsubscribed",
            choices=["yes", "no"],
            help=_("Only contacts that unsubscribed, or only those that didn't."),
        )
        parser.add_argument("--no-progress", action="store_true", help=_("Show no progress."))

    def run(self, **options: Any) -> int:
        if options["json"] and options["file"] == STANDARD:
            raise CommandError(
                _("--json needs a FILE: standard output is for one of the two."),
                returncode=COULD_NOT_RUN,
            )
        with could_not_run():
            contacts = _chosen(options)
            if options["file"] == STANDARD:
                self._write(contacts, self.stdout, options)
                return DONE
            with written(options["file"]) as file:
                count = self._write(contacts, file, options)
        if options["json"]:
            self.print_json({"file": options["file"], "contacts": count})
        else:
            self.stdout.write(table([(_("contacts"), count)], right=[1]))
        return DONE

    def _write(
        self, contacts: QuerySet[Contact], file: IO[str] | OutputWrapper, options: dict[str, Any]
    ) -> int:
        count = contacts.count()
        progress = self.progress(options)
        progress.stage(_("exporting"), count)
        for number, piece in enumerate(export_csv(contacts)):
            if isinstance(file, OutputWrapper):
                file.write(piece, ending="")
            else:
                file.write(piece)
            if number:
                progress.advance(min(BATCH_ROWS, max(0, count - (number - 1) * BATCH_ROWS)))
        progress.close()
        return count


def _chosen(options: dict[str, Any]) -> QuerySet[Contact]:
    contacts: QuerySet[Contact] = Contact.objects.all()
    segments = named(Catalogue().segments, options["segment"], _("segment"))
    if segments:
        contacts = contacts.filter(segments__in=segments).distinct()
    if options["unsubscribed"]:
        contacts = contacts.filter(unsubscribed=options["unsubscribed"] == "yes")
    return contacts
