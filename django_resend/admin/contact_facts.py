"""What a contact's page tells without a form: for those who may only look, and of the past."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import ConsentRecord, Contact, Subscription
from .bases import ModelAdmin

RECORDS_SHOWN = 20

FACT_FIELDS = ["property_list", "other_properties", "segment_list", "topic_list", "consent_history"]


class ContactFacts(ModelAdmin):
    """Read-only fields for the admin of contacts."""

    @admin.display(description=gettext_lazy("properties"))
    def property_list(self, obj: Contact) -> Any:
        return self._lines(f"{key}: {value}" for key, value in sorted(obj.properties.items()))

    @admin.display(description=gettext_lazy("other values"))
    def other_properties(self, obj: Contact) -> Any:
        """Those of properties that aren't defined here, or of a type unknown to us."""
        known = {definition.key for definition in self.editable_definitions()}
        others = {key: value for key, value in obj.properties.items() if key not in known}
        return self._lines(f"{key}: {value}" for key, value in sorted(others.items()))

    @admin.display(description=gettext_lazy("segments"))
    def segment_list(self, obj: Contact) -> Any:
        return self._lines(obj.segments.order_by("name").values_list("name", flat=True))

    @admin.display(description=gettext_lazy("topics"))
    def topic_list(self, obj: Contact) -> Any:
        labels = dict(Subscription.choices)
        rows = obj.topicsubscription_set.order_by("topic__name")
        chosen = rows.values_list("topic__name", "subscription")
        return self._lines(f"{name}: {labels.get(choice, choice)}" for name, choice in chosen)

    @admin.display(description=gettext_lazy("opted in again"))
    def consent_history(self, obj: Contact) -> Any:
        records = ConsentRecord.objects.filter(contact_id=obj.pk)[:RECORDS_SHOWN]
        return self._lines(
            _("%(when)s: to %(what)s, by %(who)s. %(reason)s")
            % {
                "when": date_format(localtime(record.recorded_at), "DATETIME_FORMAT"),
                "what": record.topic_name or _("all broadcasts"),
                "who": record.by,
                "reason": record.reason,
            }
            for record in records
        )

    def editable_definitions(self) -> Iterable[Any]:
        """The properties that have an input on the form."""
        raise NotImplementedError

    def _lines(self, lines: Iterable[str]) -> Any:
        items = format_html_join("", "<li>{}</li>", ((line,) for line in lines))
        if not items:
            return self.get_empty_value_display()
        return format_html('<ul class="resend-lines">{}</ul>', items)
