"""Segments, topics and contact properties: what contacts refer to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from .keys import exact_key
from .mirrored import Mirrored, MirrorQuerySet
from .outbox import Kind


class Subscription(models.TextChoices):
    OPT_IN = "opt_in", _("opted in")
    OPT_OUT = "opt_out", _("opted out")


class Segment(Mirrored):
    """A label on contacts; broadcasts go to one. Names need not be unique at Resend."""

    kind = Kind.SEGMENT
    watched = frozenset({"name"})

    name = models.TextField(_("name"))

    objects: ClassVar[Any] = models.Manager.from_queryset(MirrorQuerySet)()

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")

    def __str__(self) -> str:
        return self.name


class Topic(Mirrored):
    """A subject that contacts subscribe to.

    The default subscription is fixed for ever once the topic exists at Resend (Resend docs:
    Topics, Update topic).
    """

    class Visibility(models.TextChoices):
        PUBLIC = "public", _("public")
        PRIVATE = "private", _("private")

    kind = Kind.TOPIC
    watched = frozenset({"name", "description", "visibility", "default_subscription"})
    fixed = frozenset({"default_subscription"})

    name = models.CharField(_("name"), max_length=255)
    description = models.TextField(_("description"), blank=True, default="")
    default_subscription = models.CharField(
        _("default subscription"), max_length=16, choices=Subscription.choices
    )
    visibility = models.CharField(
        _("visibility"), max_length=16, choices=Visibility.choices, default=Visibility.PRIVATE
    )

    objects: ClassVar[Any] = models.Manager.from_queryset(MirrorQuerySet)()

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if len(self.name) > 50:
            raise ValidationError({"name": _("Resend takes at most 50 characters.")})
        if len(self.description) > 200:
            raise ValidationError({"description": _("Resend takes at most 200 characters.")})


class ContactProperty(Mirrored):
    """The definition of a custom property. Key and type are fixed for ever at Resend."""

    class Type(models.TextChoices):
        STRING = "string", _("text")
        NUMBER = "number", _("number")

    kind = Kind.PROPERTY
    name_field = "key"
    watched = frozenset({"key", "type", "fallback_value"})
    fixed = frozenset({"key", "type"})

    KEY = re.compile(r"[A-Za-z0-9_]{1,50}")
    RESERVED = frozenset({"FIRST_NAME", "LAST_NAME", "EMAIL", "UNSUBSCRIBE_URL"})

    key = models.CharField(_("key"), max_length=255)
    key_exact = models.CharField(max_length=255, unique=True, editable=False)
    type = models.CharField(_("type"), max_length=32, choices=Type.choices, default=Type.STRING)
    fallback_value = models.JSONField(_("fallback value"), null=True, blank=True)

    objects: ClassVar[Any] = models.Manager.from_queryset(MirrorQuerySet)()

    class Meta:
        verbose_name = _("contact property")
        verbose_name_plural = _("contact properties")

    def __str__(self) -> str:
        return self.key

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key_exact = exact_key(self.key)
        super().save(*args, **kwargs)

    @classmethod
    def complete(cls, rows: Iterable[Any]) -> None:
        for row in rows:
            row.key_exact = exact_key(row.key)

    @classmethod
    def companions(cls, changed: Collection[str]) -> frozenset[str]:
        return frozenset({"key_exact"}) if "key" in changed else frozenset()

    def clean(self) -> None:
        super().clean()
        if not self.KEY.fullmatch(self.key):
            raise ValidationError(
                {"key": _("Resend takes 1 to 50 letters, digits and underscores.")}
            )
        if self.key.upper() in self.RESERVED:
            raise ValidationError({"key": _("Resend keeps this name for itself.")})
        if self.fallback_value is not None and not self.accepts(self.fallback_value):
            raise ValidationError({"fallback_value": _("The value is not of the property's type.")})
        others = ContactProperty.objects.exclude(pk=self.pk)
        if others.filter(key_exact=exact_key(self.key)).exists():
            raise ValidationError({"key": _("A property with this key exists already.")})

    def accepts(self, value: object) -> bool:
        """Whether Resend takes this value for the property; a type unknown to us takes any."""
        if self.type == self.Type.NUMBER:
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        return isinstance(value, str) or self.type != self.Type.STRING
