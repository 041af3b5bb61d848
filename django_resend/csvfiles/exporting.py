"""Contacts as CSV, streamed: a constant number of queries for each 1,000."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from ..models import Contact, ContactProperty, SegmentMembership, TopicSubscription
from ..models.batches import BATCH_ROWS
from .cells import names_cell, text_cell, value_cell
from .guessing import Guesser
from .targets import Catalogue, Field, Target

MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark, by which Excel knows UTF-8."""

FIELDS = [Field.EMAIL, Field.FIRST_NAME, Field.LAST_NAME, Field.UNSUBSCRIBED, Field.SEGMENTS]
VALUES = ("pk", "email", "first_name", "last_name", "unsubscribed", "properties")


def export_csv(contacts: QuerySet[Contact], *, mark: bool = False) -> Iterator[str]:
    """The file in pieces of up to 1,000 contacts, ordered by primary key; the header comes first.

    Read again, it changes nothing. ``mark``: begin with a byte order mark. The queryset must not
    be sliced.
    """
    export = _Export()
    yield (MARK if mark else "") + _written([export.header])
    after = 0
    while True:
        pks = list(
            contacts.order_by("pk")
            .filter(pk__gt=after)
            .values_list("pk", flat=True)
            .distinct()[:BATCH_ROWS]
        )
        if not pks:
            return
        after = pks[-1]
        yield _written(export.rows(pks))


def _written(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


class _Export:
    """The columns, which are the definitions of this moment."""

    def __init__(self) -> None:
        self._catalogue = Catalogue()
        self._properties = list(self._catalogue.properties)
        self._topics = self._catalogue.topics.rows
        self._segments = {row.pk: row for row in self._catalogue.segments.rows}

    @property
    def header(self) -> list[str]:
        guess = Guesser(self._catalogue)
        definitions = self._catalogue.properties.values()
        return [
            *(field.value for field in FIELDS),
            *(self._catalogue.words(Target(topic=topic)) for topic in self._topics),
            *(_column(definition, guess) for definition in definitions),
        ]

    def rows(self, pks: Sequence[int]) -> list[list[str]]:
        segments, choices = self._memberships(pks), _choices(pks)
        found = Contact.objects.filter(pk__in=pks).order_by("pk").values(*VALUES)
        return [self._row(row, segments[row["pk"]], choices[row["pk"]]) for row in found]

    def _row(
        self, row: dict[str, Any], segments: Sequence[str], choices: dict[int, str]
    ) -> list[str]:
        return [
            text_cell(row["email"]),
            text_cell(row["first_name"]),
            text_cell(row["last_name"]),
            "true" if row["unsubscribed"] else "false",
            names_cell(segments) if segments else "",
            *(choices.get(topic.pk, "") for topic in self._topics),
            *(value_cell(row["properties"].get(key)) for key in self._properties),
        ]

    def _memberships(self, pks: Sequence[int]) -> dict[int, list[str]]:
        found = defaultdict[int, list[str]](list)
        rows = SegmentMembership.objects.filter(contact_id__in=pks).order_by("pk")
        for contact, segment in rows.values_list("contact_id", "segment_id"):
            # One made since the export began has no name in it.
            if segment in self._segments:
                found[contact].append(self._catalogue.segments.name(self._segments[segment]))
        return found


def _choices(pks: Sequence[int]) -> dict[int, dict[int, str]]:
    found = defaultdict[int, dict[int, str]](dict)
    rows = TopicSubscription.objects.filter(contact_id__in=pks)
    for contact, topic, choice in rows.values_list("contact_id", "topic_id", "subscription"):
        found[contact][topic] = choice
    return found


def _column(definition: ContactProperty, guess: Guesser) -> str:
    """The plain key, unless an import would take it for something else."""
    found = guess(definition.key)
    plain = found is not None and found.definition is definition
    return definition.key if plain else f"property:{definition.key}"
