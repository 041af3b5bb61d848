"""What a column can mean, and the words for it: in a mapping, in a command, in a header."""

from __future__ import annotations

from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import ContactProperty, Segment, Topic
from .errors import FileRefused
from .references import References


class Field(models.TextChoices):
    """The columns that every file may have."""

    EMAIL = "email", gettext_lazy("e-mail address")
    FIRST_NAME = "first_name", gettext_lazy("first name")
    LAST_NAME = "last_name", gettext_lazy("last name")
    UNSUBSCRIBED = "unsubscribed", gettext_lazy("unsubscribed (yes or no)")
    SUBSCRIBED = "subscribed", gettext_lazy("subscribed (yes or no)")
    SEGMENTS = "segments", gettext_lazy("segments")


class Target(NamedTuple):
    """What one column is imported to: a field, a property or a topic, and nothing else."""

    field: Field | None = None
    definition: ContactProperty | None = None
    topic: Topic | None = None

    @property
    def label(self) -> str:
        if self.field is not None:
            return str(self.field.label)
        if self.definition is not None:
            return self.definition.key
        return _("topic %s") % self.topic

    @property
    def identity(self) -> tuple[str, str | int]:
        """Equal for targets that mean the same, stored or not."""
        if self.field is not None:
            return "field", self.field.value
        if self.definition is not None:
            return "property", self.definition.key
        return "topic", self.topic.pk if self.topic else 0


class Catalogue:
    """The definitions that a file may refer to. Three queries."""

    def __init__(self) -> None:
        self.properties = {row.key: row for row in ContactProperty.objects.order_by("key")}
        self.segments = References(Segment.objects.order_by("name", "pk").only("name", "remote_id"))
        self.topics = References(Topic.objects.order_by("name", "pk").only("name", "remote_id"))

    def target(self, words: str) -> Target | None:
        """The target that these words name, ``None`` for an empty one: the column is ignored.

        ``email``, ``first_name``, ``last_name``, ``unsubscribed``, ``subscribed``, ``segments``,
        ``property:KEY``, ``property:KEY:TYPE`` (which also creates it), ``topic:NAME``. Raises
        ``FileRefused``.
        """
        if not words:
            return None
        if words in Field.values:
            return Target(field=Field(words))
        sort, _colon, name = words.partition(":")
        if sort == "topic" and name:
            topic = self.topics.find(name)
            if topic is None:
                raise FileRefused(missing(self.topics, name, _("topic")))
            return Target(topic=topic)
        if sort == "property" and name:
            return Target(definition=self._definition(*name.partition(":")[::2]))
        raise FileRefused(
            _(
                "“%(words)s” is nothing to import to. Use %(fields)s, property:KEY, "
                "property:KEY:string, property:KEY:number or topic:NAME."
            )
            % {"words": words, "fields": ", ".join(Field.values)}
        )

    def words(self, target: Target) -> str:
        """The words that name this target."""
        if target.field is not None:
            return target.field.value
        if target.topic is not None:
            return f"topic:{self.topics.name(target.topic)}"
        definition = target.definition
        assert definition is not None  # noqa: S101
        created = "" if definition.pk else f":{definition.type}"
        return f"property:{definition.key}{created}"

    def _definition(self, key: str, type: str) -> ContactProperty:
        found = self.properties.get(key)
        if found is None and not type:
            raise FileRefused(
                _(
                    "There is no property “%(key)s”. To create it, write property:%(key)s:string "
                    "or property:%(key)s:number."
                )
                % {"key": key}
            )
        if found is None:
            return self._new_definition(key, type)
        if type and found.type != type:
            raise FileRefused(
                _("The property “%(key)s” exists; its type is %(type)s and can't be changed.")
                % {"key": key, "type": found.type}
            )
        return found

    def _new_definition(self, key: str, type: str) -> ContactProperty:
        if type not in ContactProperty.Type.values:
            raise FileRefused(_("A property's type is string or number, not “%s”.") % type)
        definition = ContactProperty(key=key, type=type)
        if not definition.KEY.fullmatch(key) or key.upper() in definition.RESERVED:
            raise FileRefused(
                _(
                    "“%s” can't be a property's key. Resend takes 1 to 50 letters, digits and "
                    "underscores, and keeps some names for itself."
                )
                % key
            )
        return definition


def missing(references: References[Segment] | References[Topic], name: str, kind: str) -> str:
    """Why a name was not found, in a sentence."""
    if references.is_ambiguous(name):
        return _("Several have the name “%(name)s”: write the id at Resend of the %(kind)s.") % {
            "name": name,
            "kind": kind,
        }
    return _("There is no %(kind)s “%(name)s”.") % {"name": name, "kind": kind}
