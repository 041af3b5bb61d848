"""Filters of the contact list. They use EXISTS, so that no contact appears twice."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.fields.json import KeyTransform
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import (
    ContactProperty,
    Segment,
    SegmentMembership,
    Subscription,
    Topic,
    TopicSubscription,
)
from .contact_form import NumberField


class StrictFilter(admin.SimpleListFilter):
    """A filter that is asked for is applied, whatever its value.

    Django's own is dropped while it has no choices to offer; an action on "all" would then meet
    everyone.
    """

    def has_output(self) -> bool:
        return self.value() is not None or super().has_output()


class UnsubscribedFilter(StrictFilter):
    title = _("broadcasts")
    parameter_name = "unsubscribed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("0", _("subscribed")), ("1", _("unsubscribed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if value is None:
            return None
        if value not in ("0", "1"):
            return queryset.none()
        return queryset.filter(unsubscribed=value == "1")


class SuppressedFilter(StrictFilter):
    title = _("suppression")
    parameter_name = "suppressed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("0", _("not suppressed")), ("1", _("suppressed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if value is None:
            return None
        if value not in ("0", "1"):
            return queryset.none()
        return queryset.filter(suppressed_at__isnull=value == "0")


class SegmentFilter(StrictFilter):
    title = _("segment")
    parameter_name = "segment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        segments = Segment.objects.order_by("name", "pk").values_list("pk", "name")
        return [(str(pk), name) for pk, name in segments]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if value is None:
            return None
        if not value.isdecimal():
            return queryset.none()
        members = SegmentMembership.objects.filter(contact=OuterRef("pk"), segment=int(value))
        return queryset.filter(Exists(members))


class TopicFilter(StrictFilter):
    """By what holds for the contact: the own choice, or the topic's default where there is none."""

    title = _("topic")
    parameter_name = "topic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        topics = Topic.objects.order_by("name", "pk").values_list("pk", "name")
        return [
            (
                f"{pk}-{choice.value}",
                _("%(topic)s: %(choice)s") % {"topic": name, "choice": choice.label},
            )
            for pk, name in topics
            for choice in Subscription
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if value is None:
            return None
        number, _dash, choice = value.partition("-")
        topic = Topic.objects.filter(pk=int(number)).first() if number.isdecimal() else None
        if topic is None or choice not in Subscription.values:
            return queryset.none()
        choices = TopicSubscription.objects.filter(contact=OuterRef("pk"), topic=topic)
        if topic.default_subscription == choice:
            return queryset.filter(~Exists(choices.exclude(subscription=choice)))
        return queryset.filter(Exists(choices.filter(subscription=choice)))


class PropertyFilter(StrictFilter):
    """By the value of a custom property: typed in, for there may be as many as contacts.

    It reads every row that the other filters leave: no index serves it.
    """

    title = _("property")
    parameter_name = "property"
    value_parameter = "property_value"
    template = "django_resend/admin/property_filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], *args: Any) -> None:
        wanted = params.pop(self.value_parameter, [""])
        self.wanted = str(wanted[-1] if isinstance(wanted, list) else wanted)
        super().__init__(request, params, *args)
        mine = (self.parameter_name, self.value_parameter, PAGE_VAR)
        self.others = [(name, value) for name, value in request.GET.items() if name not in mine]

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name, self.value_parameter]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        rows = ContactProperty.objects.order_by("key").values_list("pk", "key")
        return [(str(pk), key) for pk, key in rows]

    def get_facet_counts(self, pk_attname: str, filtered_qs: QuerySet[Any]) -> dict[str, Count]:
        return {}

    def choices(self, changelist: Any) -> Any:
        self.cleared = changelist.get_query_string(remove=self.expected_parameters())
        return []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if value is None:
            return None
        definitions = ContactProperty.objects.filter(pk=int(value) if value.isdecimal() else 0)
        definition = definitions.first()
        if definition is None:
            return queryset.none()
        held: QuerySet[Any] = queryset.alias(held=KeyTransform(definition.key, "properties"))
        if not self.wanted:
            return held.filter(held__isnull=True)
        if definition.type != ContactProperty.Type.NUMBER:
            return held.filter(held=self.wanted)
        try:
            # Whole ones as integers: MariaDB compares JSON as it is written.
            return held.filter(held=NumberField().clean(self.wanted))
        except ValidationError:
            return queryset.none()
