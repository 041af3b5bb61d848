"""Importing a file as text, in one line."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

from django.db.models import QuerySet

from django_resend.csvfiles.exporting import export_csv
from django_resend.csvfiles.guessing import guess_targets
from django_resend.csvfiles.importing import import_file
from django_resend.csvfiles.instructions import Instructions, OnConflict, understand
from django_resend.csvfiles.records import Record, read_records
from django_resend.csvfiles.sniffing import sample_records
from django_resend.csvfiles.survey import read_format, survey
from django_resend.csvfiles.targets import Catalogue
from django_resend.csvfiles.verdicts import Verdict
from django_resend.models import Contact, Segment, Topic


def encoded(content: str | bytes) -> BytesIO:
    return BytesIO(content.encode() if isinstance(content, str) else content)


def records(content: str | bytes) -> list[Record]:
    file = encoded(content)
    return list(read_records(file, read_format(file)))


def cells(content: str | bytes) -> list[list[str]]:
    return [record.cells for record in records(content)]


def run_import(
    content: str | bytes,
    *,
    mapping: Iterable[str] | None = None,
    segments: Iterable[Segment] = (),
    topics: Iterable[Topic] = (),
    skip: bool = False,
    dry_run: bool = False,
) -> list[Verdict]:
    """Import this content; the mapping is guessed if none is given."""
    file = encoded(content)
    format = read_format(file)
    catalogue = Catalogue()
    if mapping is None:
        targets = guess_targets(format, sample_records(file, format), catalogue)
        mapping = [catalogue.words(target) if target else "" for target in targets]
    instructions = Instructions(
        tuple(mapping),
        OnConflict.SKIP if skip else OnConflict.UPSERT,
        tuple(row.pk for row in segments),
        tuple(row.pk for row in topics),
    )
    orders = understand(instructions, catalogue)
    surveyed = survey(file, format, orders.address_column)
    batches = import_file(file, surveyed, orders, dry_run=dry_run)
    return [verdict for batch in batches for verdict in batch]


def exported(contacts: QuerySet[Contact] | None = None) -> str:
    return "".join(export_csv(Contact.objects.all() if contacts is None else contacts))


def outcomes(verdicts: Iterable[Verdict]) -> list[str]:
    return [str(verdict.outcome) for verdict in verdicts]
