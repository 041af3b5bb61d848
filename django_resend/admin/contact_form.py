"""The form of a contact: one input a custom property, and consent that the form can't take back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ..models import Contact, ContactProperty
from .contact_links import LinksForm

Value = str | int | float


class ContactForm(LinksForm):
    property_fields: dict[str, str] = {}
    """Form field to property key."""

    class Meta:
        model = Contact
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = self.instance.properties
        for name, key in self.property_fields.items():
            self.initial.setdefault(name, held.get(key))

    def clean_unsubscribed(self) -> bool:
        unsubscribed: bool = self.cleaned_data["unsubscribed"]
        if self.instance.unsubscribed and not unsubscribed:
            raise ValidationError(
                _(
                    "This person has unsubscribed. Tick the box again; with the person's consent, "
                    "use “Opt in again” below."
                ),
                code="consent",
            )
        return unsubscribed

    def clean(self) -> None:
        super().clean()
        held = dict(self.instance.properties)
        for name, key in self.property_fields.items():
            if name not in self.changed_data or name not in self.cleaned_data:
                continue
            if self._is_missing(name):
                continue
            value = self.cleaned_data[name]
            if value in ("", None):
                held.pop(key, None)
            else:
                held[key] = value
        self.instance.properties = held

    def _is_missing(self, name: str) -> bool:
        """A property defined after the page was made isn't in what the browser sends."""
        widget = self.fields[name].widget
        missing: bool = widget.value_omitted_from_data(self.data, self.files, self.add_prefix(name))
        return missing


class NumberField(forms.FloatField):
    """A number; a whole one stays an integer."""

    def to_python(self, value: Any) -> Any:
        number = super().to_python(value)
        return int(number) if number is not None and number.is_integer() else number


def with_properties(definitions: Iterable[ContactProperty]) -> type[ContactForm]:
    """The form with a field for each property whose type is known."""
    fields: dict[str, forms.Field] = {}
    keys: dict[str, str] = {}
    for definition in definitions:
        name = f"property_{definition.pk}"
        fields[name] = _field(definition)
        keys[name] = definition.key
    return type("ContactForm", (ContactForm,), {**fields, "property_fields": keys})


def editable(definitions: Iterable[ContactProperty]) -> list[ContactProperty]:
    """Those whose values the form can ask for; values of other types stay as they are."""
    return [one for one in definitions if one.type in ContactProperty.Type.values]


def _field(definition: ContactProperty) -> forms.Field:
    fallback = definition.fallback_value
    hint = "" if fallback is None else _("Without a value: %s") % fallback
    if definition.type == ContactProperty.Type.NUMBER:
        return NumberField(label=definition.key, required=False, help_text=hint)
    return forms.CharField(
        label=definition.key, required=False, help_text=hint, widget=AdminTextInputWidget
    )
