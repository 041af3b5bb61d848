"""Filters of the contact list. They use EXISTS, so that no contact appears twice."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Segment, SegmentMembership, Subscription, Topic, TopicSubscription


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
