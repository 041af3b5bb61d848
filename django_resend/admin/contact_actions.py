"""The actions on many contacts that need no segment or topic: consent, values, sync, deletion."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import DELETION
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..conf import resend_settings
from ..models import ContactProperty, OutboxEntry
from ..sync.pull.chosen import CALLS
from .bases import ChoiceField, ModelAdmin
from .confirm import Text
from .contact_form import NumberField
from .job_actions import JobAction, delivery, entries_of, perform, refused_before
from .price import price

REASONS_SHOWN = 5


class Unsubscribe(JobAction):
    operation = "unsubscribe"
    title = gettext_lazy("Unsubscribe from everything")
    button = gettext_lazy("Unsubscribe them")
    destructive = True
    rules = [
        gettext_lazy("They get no broadcasts any more, whatever topics they chose."),
        gettext_lazy(
            "It can't be undone in bulk: opting in again is done one by one, with a reason."
        ),
    ]

    def facts(self, contacts: QuerySet[Any], count: int) -> list[Text]:
        already = contacts.filter(unsubscribed=True).count()
        lines: list[Text] = []
        if already:
            sentence = ngettext(
                "%d of them has unsubscribed already.",
                "%d of them have unsubscribed already.",
                already,
            )
            lines.append(sentence % already)
        return [*lines, *refused_before(contacts), delivery(count - already)]


class PropertyForm(forms.Form):
    """A property, and its new value; an empty one takes the value away, when that is meant."""

    property = ChoiceField(
        ContactProperty.objects.order_by("key"), label=gettext_lazy("Property"), empty_label=None
    )
    value = forms.CharField(
        label=gettext_lazy("New value"), required=False, widget=AdminTextInputWidget
    )
    clear = forms.BooleanField(label=gettext_lazy("Take the value away instead"), required=False)

    def clean(self) -> None:
        super().clean()
        definition = self.cleaned_data.get("property")
        value, clear = self.cleaned_data.get("value"), self.cleaned_data.get("clear")
        if value and clear:
            self.add_error("value", _("Either a new value or none: leave this empty."))
        elif not value and not clear:
            self.add_error("value", _("Write a value, or tick the box below."))
        elif clear:
            self.cleaned_data["value"] = None
        elif definition is not None and definition.type == ContactProperty.Type.NUMBER:
            try:
                self.cleaned_data["value"] = NumberField().clean(value)
            except ValidationError as error:
                self.add_error("value", error)


class SetProperty(JobAction):
    operation = "set_property"
    title = gettext_lazy("Set a property")
    button = gettext_lazy("Set it")
    rules = [gettext_lazy("Values that the contacts have for this property are replaced.")]

    def form(self, data: Any, contacts: QuerySet[Any]) -> forms.Form:
        return PropertyForm(data)

    def arguments(self, form: forms.Form) -> dict[str, Any]:
        return {"key": form.cleaned_data["property"].key, "value": form.cleaned_data["value"]}

    def summary(self, form: forms.Form) -> str:
        value = form.cleaned_data["value"]
        return f"{form.cleaned_data['property']} = {'-' if value is None else value}"

    def facts(self, contacts: QuerySet[Any], count: int) -> list[Text]:
        return [*refused_before(contacts), delivery(count)]

    def hindrance(self) -> Text:
        if ContactProperty.objects.exists():
            return ""
        return _("There is nothing to choose from yet: first add %(kind)s.") % {
            "kind": ContactProperty._meta.verbose_name_plural
        }


class PullNow(JobAction):
    operation = "pull_contacts"
    title = gettext_lazy("Pull now")
    button = gettext_lazy("Pull them now")
    rules = [
        gettext_lazy("Values, topics and segments of these contacts are read from Resend."),
        gettext_lazy("Changes made here that still wait in the outbox are kept."),
    ]

    def facts(self, contacts: QuerySet[Any], count: int) -> list[Text]:
        linked = contacts.exclude(remote_id=None).count()
        lines: list[Text] = []
        if linked < count:
            left_out = count - linked
            sentence = ngettext(
                "Left out: %d of them was never sent to Resend.",
                "Left out: %d of them were never sent to Resend.",
                left_out,
            )
            lines.append(sentence % left_out)
        return [*lines, _("It takes %s.") % price(linked * CALLS)]

    def hindrance(self) -> Text:
        return "" if resend_settings.may_pull else _("This site only pushes to Resend.")


class Retry(JobAction):
    operation = "retry"
    title = gettext_lazy("Try again")
    button = gettext_lazy("Try them again")

    def facts(self, contacts: QuerySet[Any], count: int) -> list[Text]:
        entries = entries_of(contacts)
        waiting = entries.count()
        sentence = ngettext(
            "%d of them has a change that Resend has not confirmed; it is tried at once, also if "
            "it was refused before.",
            "%d of them have changes that Resend has not confirmed; they are tried at once, also "
            "those refused before.",
            waiting,
        )
        return [sentence % waiting, *_reasons(entries)]

    def hindrance(self) -> Text:
        return "" if resend_settings.may_push else _("This site only pulls from Resend.")


def _reasons(entries: QuerySet[OutboxEntry]) -> list[Text]:
    """Why Resend refused them, the commonest reasons first."""
    refused = entries.filter(state=OutboxEntry.State.REFUSED)
    groups = refused.values_list("error_status", "error_name", "error_message")
    return [
        _("Refused %(count)d times: %(reason)s")
        % {"count": count, "reason": " ".join(str(part) for part in words if part)}
        for *words, count in groups.annotate(n=Count("pk")).order_by("-n")[:REASONS_SHOWN]
    ]


class Delete(JobAction):
    operation = "delete_contacts"
    title = gettext_lazy("Delete contacts")
    button = gettext_lazy("Delete them")
    destructive = True
    flag = DELETION
    rules = [
        gettext_lazy("Their segments, topics and properties go with them."),
        gettext_lazy("Opt-outs are remembered: a person who comes back stays opted out."),
    ]

    def facts(self, contacts: QuerySet[Any], count: int) -> list[Text]:
        if not resend_settings.may_push:
            return []
        cost = price(count)
        return [_("They are deleted at Resend too, in the background: %s.") % cost]


CONTACT_ACTIONS = ["unsubscribe", "set_property", "pull_now", "retry", "delete_selected"]


class ContactActions(ModelAdmin):
    """The five actions, for the admin of contacts."""

    @admin.action(permissions=["change"], description=gettext_lazy("Unsubscribe from everything…"))
    def unsubscribe(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, "unsubscribe", Unsubscribe())

    @admin.action(permissions=["change"], description=gettext_lazy("Set a property…"))
    def set_property(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, "set_property", SetProperty())

    @admin.action(permissions=["change"], description=gettext_lazy("Pull now…"))
    def pull_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, "pull_now", PullNow())

    @admin.action(permissions=["change"], description=gettext_lazy("Try again…"))
    def retry(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, "retry", Retry())

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete…"))
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Takes the place of Django's own, which would list every contact on its page."""
        return perform(self, request, queryset, "delete_selected", Delete())
