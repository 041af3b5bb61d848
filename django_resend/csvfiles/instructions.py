"""What a person wants done with a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import ContactProperty, Segment, Topic
from .errors import FileRefused
from .targets import Catalogue, Field, Target


class OnConflict(models.TextChoices):
    """What becomes of contacts that exist."""

    UPSERT = "upsert", gettext_lazy("update it from the file")
    SKIP = "skip", gettext_lazy("leave it as it is")


@dataclass(frozen=True)
class Instructions:
    """``mapping``: words for each column's target, empty where it is ignored.

    ``segments`` and ``topics``, by local key, are applied to every imported contact.
    """

    mapping: tuple[str, ...]
    on_conflict: OnConflict = OnConflict.UPSERT
    segments: tuple[int, ...] = ()
    topics: tuple[int, ...] = ()

    def pack(self) -> dict[str, Any]:
        """The instructions as JSON."""
        return asdict(self)

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> Instructions:
        return cls(
            tuple(packed["mapping"]),
            OnConflict(packed["on_conflict"]),
            tuple(packed["segments"]),
            tuple(packed["topics"]),
        )


@dataclass(frozen=True)
class Orders:
    """Instructions with the rows that they mean, and the name of each target in words."""

    targets: Sequence[Target | None]
    labels: Sequence[str]
    address_column: int
    catalogue: Catalogue
    skips: bool = False
    segments: Sequence[Segment] = field(default_factory=list)
    topics: Sequence[Topic] = field(default_factory=list)

    @property
    def new_properties(self) -> list[ContactProperty]:
        """The properties that the import has to create first."""
        definitions = [target.definition for target in self.targets if target is not None]
        return [one for one in definitions if one is not None and one._state.adding]

    def create_properties(self) -> None:
        """Create those. They are then known at Resend before the contacts that use them."""
        for definition in self.new_properties:
            definition.full_clean()
            definition.save()


def understand(instructions: Instructions, catalogue: Catalogue) -> Orders:
    """Raises ``FileRefused`` for what can't be done, in one sentence."""
    targets = [catalogue.target(words) for words in instructions.mapping]
    check_targets(targets)
    segments = {row.pk: row for row in catalogue.segments.rows}
    topics = {row.pk: row for row in catalogue.topics.rows}
    if not segments.keys() >= {*instructions.segments} or not topics.keys() >= {
        *instructions.topics
    }:
        raise FileRefused(_("A segment or topic that was chosen is gone. Choose again."))
    return Orders(
        targets,
        [target.label if target else "" for target in targets],
        targets.index(Target(field=Field.EMAIL)),
        catalogue,
        instructions.on_conflict == OnConflict.SKIP,
        [segments[pk] for pk in instructions.segments],
        [topics[pk] for pk in instructions.topics],
    )


def check_targets(targets: Sequence[Target | None]) -> None:
    """Every target once, and an address among them; else ``FileRefused``."""
    times = Counter(target.identity for target in targets if target is not None)
    for target in targets:
        if target is not None and times[target.identity] > 1:
            raise FileRefused(_("Two columns are mapped to %s. Map one of them.") % target.label)
    if Target(field=Field.EMAIL) not in targets:
        raise FileRefused(_("No column is mapped to the e-mail address. Say which one holds it."))
    both = (Target(field=Field.SUBSCRIBED), Target(field=Field.UNSUBSCRIBED))
    if all(one in targets for one in both):
        raise FileRefused(_("Map one column to “subscribed” or “unsubscribed”, not two to both."))
