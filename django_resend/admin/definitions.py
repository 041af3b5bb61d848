"""Segments, topics and contact properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from ..models import (
    ContactProperty,
    Segment,
    SegmentMembership,
    Subscription,
    Topic,
    TopicSubscription,
)
from .bases import ModelAdmin, ModelForm
from .contact_form import NumberField
from .mirrored import FACTS, MirroredAdmin
from .sync_state import SyncStateFilter


def count_of(rows: QuerySet[Any], key: str) -> Coalesce:
    """How many of these rows point at each object, without a join that would multiply them."""
    counted = rows.filter(**{key: OuterRef("pk")}).order_by().values(key).annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)


def contacts_link(model_admin: ModelAdmin, count: int, **query: str) -> Any:
    url = reverse(f"{model_admin.admin_site.name}:django_resend_contact_changelist", query=query)
    return format_html('<a href="{}">{}</a>', url, count)


class DefinitionAdmin(MirroredAdmin):
    fixed: Sequence[str] = ()
    """Fields that can't change once the object is saved."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(self.fixed if obj else ())]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields: Any = self.fields
        if obj is None:
            return [(None, {"fields": fields})]
        return [
            (None, {"fields": [*fields, "sync_report"]}),
            (_("At Resend"), {"fields": FACTS, "classes": ["collapse"]}),
        ]


class SegmentForm(ModelForm):
    class Meta:
        model = Segment
        fields = ["name"]
        widgets = {"name": AdminTextInputWidget}


@admin.register(Segment)
class SegmentAdmin(DefinitionAdmin):
    form = SegmentForm
    fields = ["name"]
    list_display = ["name", "members", "sync_state"]
    list_filter = [SyncStateFilter]
    ordering = ["name", "pk"]
    search_fields = ["name"]
    dependents = {SegmentMembership: "segment"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        members = count_of(SegmentMembership.objects.all(), "segment")
        rows = super().get_queryset(request)
        annotated: QuerySet[Any] = rows.annotate(member_count=members)
        return annotated

    @admin.display(description=_("contacts"), ordering="member_count")
    def members(self, obj: Any) -> Any:
        return contacts_link(self, obj.member_count, segment=str(obj.pk))


@admin.register(Topic)
class TopicAdmin(DefinitionAdmin):
    fields = ["name", "description", "default_subscription", "visibility"]
    fixed = ["default_subscription"]
    list_display = ["name", "default", "visibility", "opted_in", "opted_out", "sync_state"]
    list_filter = [SyncStateFilter, "visibility"]
    ordering = ["name", "pk"]
    search_fields = ["name"]
    dependents = {TopicSubscription: "topic"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        choices = TopicSubscription.objects.all()
        rows = super().get_queryset(request)
        annotated: QuerySet[Any] = rows.annotate(
            opt_ins=count_of(choices.filter(subscription=Subscription.OPT_IN), "topic"),
            opt_outs=count_of(choices.filter(subscription=Subscription.OPT_OUT), "topic"),
        )
        return annotated

    @admin.display(description=_("default"), ordering="default_subscription")
    def default(self, obj: Topic) -> str:
        return obj.get_default_subscription_display()

    @admin.display(description=_("opt-ins"), ordering="opt_ins")
    def opted_in(self, obj: Any) -> int:
        return obj.opt_ins  # type: ignore[no-any-return]

    @admin.display(description=_("opt-outs"), ordering="opt_outs")
    def opted_out(self, obj: Any) -> int:
        return obj.opt_outs  # type: ignore[no-any-return]


class PropertyForm(ModelForm):
    """The fallback as plain text or number, not as JSON."""

    fallback_value = forms.CharField(
        label=_("fallback value"),
        required=False,
        widget=AdminTextInputWidget,
        help_text=_("Used in e-mails to contacts without a value of their own."),
    )

    class Meta:
        model = ContactProperty
        fields = ["key", "type", "fallback_value"]

    def clean(self) -> None:
        super().clean()
        text = self.cleaned_data.get("fallback_value")
        type_ = self.cleaned_data.get("type") or self.instance.type
        if not text:
            self.cleaned_data["fallback_value"] = None
        elif type_ == ContactProperty.Type.NUMBER:
            try:
                self.cleaned_data["fallback_value"] = NumberField().clean(text)
            except ValidationError as error:
                self.add_error("fallback_value", error)


@admin.register(ContactProperty)
class ContactPropertyAdmin(DefinitionAdmin):
    form = PropertyForm
    fields = ["key", "type", "fallback_value"]
    fixed = ["key", "type"]
    list_display = ["key", "type", "fallback_value", "sync_state"]
    list_filter = [SyncStateFilter, "type"]
    ordering = ["key", "pk"]
    search_fields = ["key"]
