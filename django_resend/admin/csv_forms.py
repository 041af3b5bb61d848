"""The forms of an import: the file, and what its columns mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..csvfiles.errors import FileRefused
from ..csvfiles.guessing import guess_targets
from ..csvfiles.instructions import Instructions, OnConflict, understand
from ..csvfiles.records import Format, Record
from ..csvfiles.targets import Catalogue, Field, Target
from ..models import ContactProperty, Segment, Topic
from .bases import MultipleChoiceField

NEW = {f"new:{type.value}": type for type in ContactProperty.Type}
EXAMPLES = 3
EXAMPLE_CHARACTERS = 40


class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy(
            "One contact a line, with a column of e-mail addresses. Any size; commas, semicolons "
            "or tabs; UTF-8, UTF-16 or what Excel makes. Nothing is imported before you have "
            "seen what will happen."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
        error_messages={"empty": gettext_lazy("The file is empty.")},
    )


@dataclass(frozen=True)
class Column:
    """One row of the page: a column's name, its first values, and its two inputs."""

    name: str
    examples: Sequence[str]
    target: forms.BoundField
    key: forms.BoundField


class ColumnsForm(forms.Form):
    """What each column is imported to, and what else becomes of every contact."""

    on_conflict = forms.ChoiceField(
        label=gettext_lazy("If a contact exists already"),
        choices=OnConflict.choices,
        initial=OnConflict.UPSERT,
        widget=forms.RadioSelect,
    )
    segments = MultipleChoiceField(
        Segment.objects.order_by("name", "pk"),
        label=gettext_lazy("Add all to segments"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    topics = MultipleChoiceField(
        Topic.objects.order_by("name", "pk"),
        label=gettext_lazy("Subscribe all to topics"),
        help_text=gettext_lazy(
            "Only people who agreed to it. Who opted out of a topic is left out, and counted."
        ),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self,
        *args: Any,
        format: Format,
        sample: Sequence[Record],
        earlier: Instructions | None = None,
        may_create: bool = False,
        **kwargs: Any,
    ) -> None:
        self._format, self._sample = format, sample
        self._catalogue = Catalogue()
        super().__init__(*args, **{"initial": _initial(earlier), **kwargs})
        guessed = guess_targets(format, sample, self._catalogue)
        words = [self._catalogue.words(target) if target else "" for target in guessed]
        if earlier is not None and len(earlier.mapping) == len(words):
            words = list(earlier.mapping)
        choices = list(self._choices(may_create=may_create))
        for place, name in enumerate(format.columns):
            chosen, key = _split(words[place], self._catalogue)
            self.fields[f"column_{place}"] = forms.ChoiceField(
                label=_("What “%s” is imported to") % name,
                choices=choices,
                required=False,
                initial=chosen,
            )
            self.fields[f"key_{place}"] = forms.CharField(
                label=_("Key of the new property for “%s”") % name,
                required=False,
                max_length=50,
                initial=key or suggested_key(name),
            )
        for name in ("segments", "topics"):
            if not self.fields[name].queryset.exists():  # type: ignore[attr-defined]
                del self.fields[name]

    def columns(self) -> Iterator[Column]:
        """The columns with their inputs, for the template."""
        for place, name in enumerate(self._format.columns):
            yield Column(name, self._examples(place), self[f"column_{place}"], self[f"key_{place}"])

    def options(self) -> list[forms.BoundField]:
        """The other inputs."""
        return [self[name] for name in ("on_conflict", "segments", "topics") if name in self.fields]

    def clean(self) -> None:
        super().clean()
        try:
            understand(self.instructions, self._catalogue)
        except FileRefused as reason:
            raise ValidationError(str(reason)) from reason

    @property
    def instructions(self) -> Instructions:
        """What was chosen."""
        given = self.cleaned_data
        return Instructions(
            tuple(self._words(place) for place in range(len(self._format.columns))),
            OnConflict(given.get("on_conflict", OnConflict.UPSERT)),
            tuple(row.pk for row in given.get("segments", ())),
            tuple(row.pk for row in given.get("topics", ())),
        )

    def _words(self, place: int) -> str:
        chosen: str = self.cleaned_data.get(f"column_{place}", "")
        if chosen in NEW:
            key = self.cleaned_data.get(f"key_{place}", "").strip()
            return f"property:{key}:{NEW[chosen].value}"
        return chosen

    def _choices(self, *, may_create: bool) -> Iterator[tuple[str, Any]]:
        yield "", _("(not imported)")
        yield from Field.choices
        properties = [
            (self._catalogue.words(Target(definition=row)), f"{key} ({row.get_type_display()})")
            for key, row in self._catalogue.properties.items()
        ]
        if properties:
            yield _("Properties"), properties
        topics = [
            (self._catalogue.words(Target(topic=row)), row.name)
            for row in self._catalogue.topics.rows
        ]
        if topics:
            yield _("Topics (opted in or out)"), topics
        if may_create:
            yield (
                _("New property"),
                [(name, _("new: %s") % type.label) for name, type in NEW.items()],
            )

    def _examples(self, place: int) -> list[str]:
        """The first values that are there."""
        cells = (one.cells[place].strip() for one in self._sample if place < len(one.cells))
        values = list(dict.fromkeys(filter(None, cells)))[:EXAMPLES]
        return [
            one if len(one) <= EXAMPLE_CHARACTERS else one[: EXAMPLE_CHARACTERS - 1] + "…"
            for one in values
        ]


def suggested_key(name: str) -> str:
    """A key that Resend takes, made of a column's name; empty if nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:50]


def _initial(earlier: Instructions | None) -> dict[str, Any]:
    if earlier is None:
        return {}
    return {
        "on_conflict": earlier.on_conflict,
        "segments": list(earlier.segments),
        "topics": list(earlier.topics),
    }


def _split(words: str, catalogue: Catalogue) -> tuple[str, str]:
    """Words as the choice of an input and, for a new property, its key."""
    sort, _colon, rest = words.partition(":")
    key, _colon, type = rest.partition(":")
    if sort == "property" and type and key not in catalogue.properties:
        return f"new:{type}", key
    return words, ""
