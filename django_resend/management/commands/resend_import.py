"""Import contacts from a CSV file into the mirror."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any

from django.utils.translation import gettext as _

from ...csvfiles.errors import FileRefused
from ...csvfiles.guessing import guess_targets
from ...csvfiles.importing import LEFT, complete_counts, import_file, tally
from ...csvfiles.instructions import Instructions, OnConflict, Orders, understand
from ...csvfiles.records import Format
from ...csvfiles.report import Report
from ...csvfiles.sniffing import sample_records
from ...csvfiles.survey import read_format, survey
from ...csvfiles.targets import Catalogue
from ...csvfiles.verdicts import Outcome, Verdict
from ..base import DONE, INCOMPLETE, ResendCommand
from ..files import could_not_run, named, opened, written
from ..output import table

SHOWN = 20


@dataclass
class Done:
    """What an import did, with the first of the records that need a person."""

    counts: Counter[str] = field(default_factory=Counter)
    telling: list[Verdict] = field(default_factory=list)
    calls: int = 0

    def add(self, verdicts: Sequence[Verdict]) -> None:
        self.counts += tally(verdicts)
        self.calls += sum(one.calls for one in verdicts)
        if len(self.telling) < SHOWN:
            telling = [one for one in verdicts if one.notes or one.outcome == Outcome.REFUSED]
            self.telling += telling[: SHOWN - len(self.telling)]


class Command(ResendCommand):
    help = _("Import contacts from a CSV file. Nobody who opted out is opted in by it.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", help=_("The file, - for standard input."))
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help=_("What a column is imported to, instead of what its name suggests."),
        )
        parser.add_argument(
            "--segment",
            action="append",
            default=[],
            metavar="NAME",
            help=_("Put every imported contact into this segment."),
        )
        parser.add_argument(
            "--topic",
            action="append",
            default=[],
            metavar="NAME",
            help=_("Subscribe every imported contact to this topic, unless they opted out of it."),
        )
        parser.add_argument(
            "--on-conflict",
            choices=OnConflict.values,
            default=OnConflict.UPSERT.value,
            help=_("What becomes of contacts that exist."),
        )
        parser.add_argument(
            "--dry-run", action="store_true", help=_("Only say what it would do with each line.")
        )
        parser.add_argument(
            "--report", metavar="FILE", help=_("Write what became of each line, as CSV.")
        )
        parser.add_argument("--no-progress", action="store_true", help=_("Show no progress."))

    def run(self, **options: Any) -> int:
        with could_not_run(), ExitStack() as files:
            file = files.enter_context(opened(options["file"]))
            format = read_format(file)
            orders = self._orders(file, format, options)
            report = None
            if options["report"]:
                target = written(options["report"], beside=options["file"])
                report = Report(files.enter_context(target))
            done = self._import(file, format, orders, report, options)
        self._print(format, orders, done, options)
        return INCOMPLETE if done.counts[Outcome.REFUSED] else DONE

    def _orders(self, file: IO[bytes], format: Format, options: dict[str, Any]) -> Orders:
        catalogue = Catalogue()
        guessed = guess_targets(format, sample_records(file, format), catalogue)
        mapping = [catalogue.words(target) if target else "" for target in guessed]
        for argument in options["map"]:
            place = _column(argument, format.columns)
            mapping[place] = argument[len(format.columns[place]) + 1 :]
        # A column that was named outweighs one that was guessed.
        asked = {_column(argument, format.columns) for argument in options["map"]}
        claimed = {mapping[place] for place in asked}
        mapping = [
            "" if words in claimed and place not in asked else words
            for place, words in enumerate(mapping)
        ]
        segments = named(catalogue.segments, options["segment"], _("segment"))
        topics = named(catalogue.topics, options["topic"], _("topic"))
        instructions = Instructions(
            tuple(mapping),
            OnConflict(options["on_conflict"]),
            tuple(row.pk for row in segments),
            tuple(row.pk for row in topics),
        )
        return understand(instructions, catalogue)

    def _import(
        self,
        file: IO[bytes],
        format: Format,
        orders: Orders,
        report: Report | None,
        options: dict[str, Any],
    ) -> Done:
        progress = self.progress(options)
        progress.stage(_("reading"), None)
        surveyed = survey(file, format, orders.address_column, progress=progress)
        progress.stage(_("checking") if options["dry_run"] else _("importing"), surveyed.total)
        done = Done()
        for verdicts in import_file(file, surveyed, orders, dry_run=options["dry_run"]):
            done.add(verdicts)
            if report is not None:
                report.add(verdicts)
            progress.advance(len(verdicts))
        progress.close()
        return done

    def _print(self, format: Format, orders: Orders, done: Done, options: dict[str, Any]) -> None:
        words = [orders.catalogue.words(target) if target else "" for target in orders.targets]
        columns = dict(zip(format.columns, words, strict=True))
        if options["json"]:
            self.print_json(
                {
                    "encoding": format.codec,
                    "encoding_guessed": format.guessed,
                    "delimiter": format.delimiter,
                    "columns": columns,
                    "counts": complete_counts(done.counts),
                    "telling": [
                        {"line": one.line, "address": one.address, "detail": one.detail}
                        for one in done.telling
                    ],
                    "calls": done.calls,
                    "dry_run": options["dry_run"],
                }
            )
            return
        head: tuple[object, ...] = (_("column"), _("imported to"))
        self.stdout.write(
            table(
                [head, *((name, words or _("(not imported)")) for name, words in columns.items())]
            )
        )
        self.stdout.write("")
        self._print_counts(done.counts)
        self._warn(format, done)
        self.stdout.write(_("Sending it to Resend takes at most %d calls.") % done.calls)
        if options["dry_run"]:
            self.stdout.write(_("Nothing was written."))

    def _print_counts(self, counts: Counter[str]) -> None:
        rows: list[tuple[object, ...]] = [
            (outcome.label, counts[outcome.value]) for outcome in Outcome
        ]
        rows.append((_("partly left as they were: consent"), counts[LEFT]))
        self.stdout.write(table(rows, right=[1]))

    def _warn(self, format: Format, done: Done) -> None:
        if format.guessed:
            self.stderr.write(
                _("The file is not valid UTF-8; it was read as Windows-1252. Check the accents.")
            )
        if not format.headed:
            self.stderr.write(_("The first line holds an address, so it was read as a contact."))
        for one in done.telling:
            self.stderr.write(
                _("line %(line)d: %(address)s: %(detail)s")
                % {"line": one.line, "address": one.address or "-", "detail": one.detail}
            )
        if len(done.telling) == SHOWN:
            self.stderr.write(_("There may be more: --report FILE writes what became of each."))


def _column(argument: str, columns: Sequence[str]) -> int:
    """The place of the column that a ``--map`` names; a name may hold “=” itself."""
    fitting = [name for name in columns if argument.startswith(f"{name}=")]
    if not fitting:
        raise FileRefused(
            _("--map %(argument)s: there is no such column. The columns are %(columns)s.")
            % {"argument": argument, "columns": ", ".join(f"“{name}”" for name in columns)}
        )
    return columns.index(max(fitting, key=len))
