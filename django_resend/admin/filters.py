"""Filters of the contact list. They use EXISTS, so that no contact appears twice."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Segment, SegmentMembership, Subscription, Topic, TopicSubscription


class UnsubscribedFilter(admin.SimpleListFilter):
    title = _("broadcasts")
    parameter_name = "unsubscribed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("0", _("subscribed")), ("1", _("unsubscribed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() not in ("0", "1"):
            return None
        return queryset.filter(unsubscribed=self.value() == "1")


class SegmentFilter(admin.SimpleListFilter):
    title = _("segment")
    parameter_name = "segment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return list(Segment.objects.order_by("name", "pk").values_list("pk", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if value is None:
            return None
        if not value.isdecimal():
            return queryset.none()
        members = SegmentMembership.objects.filter(contact=OuterRef("pk"), segment=int(value))
        return queryset.filter(Exists(members))


class TopicFilter(admin.SimpleListFilter):
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
