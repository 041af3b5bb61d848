"""A contact's segments and topics on its change page."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import SegmentMembership, Subscription, TopicSubscription
from .bases import ModelForm, TabularInline


class ContactPartInline(TabularInline):
    """Whoever may change a contact may change these: they are parts of it."""

    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj) or request.user.has_perm(
            "django_resend.view_contact"
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change_contacts(request) or obj is None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        for field in formset.form.base_fields.values():
            for link in ("can_add_related", "can_change_related", "can_view_related"):
                setattr(field.widget, link, False)
        return formset


def may_change_contacts(request: HttpRequest) -> bool:
    return request.user.has_perm("django_resend.change_contact")


class MembershipInline(ContactPartInline):
    """Rows come and go but don't change: a changed row would lose the removal at Resend."""

    model = SegmentMembership
    verbose_name = _("segment")
    verbose_name_plural = _("segments")
    fields = ["segment"]
    autocomplete_fields = ["segment"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("segment").order_by("segment__name")


class SubscriptionForm(ModelForm):
    class Meta:
        model = TopicSubscription
        fields = ["topic", "subscription"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None and "topic" in self.fields:
            self.fields["topic"].disabled = True

    def clean_subscription(self) -> str:
        choice: str = self.cleaned_data["subscription"]
        stored = self.initial.get("subscription")
        if stored == Subscription.OPT_OUT and choice != Subscription.OPT_OUT:
            raise ValidationError(
                _(
                    "This person opted out of the topic. With the person's consent, use "
                    "“Opt in again” on this page."
                ),
                code="consent",
            )
        return choice

    def save(self, commit: bool = True) -> Any:
        self.instance.changed_at = timezone.now()
        return super().save(commit)


class SubscriptionInline(ContactPartInline):
    model = TopicSubscription
    verbose_name = _("topic")
    verbose_name_plural = _("topics")
    form = SubscriptionForm
    fields = ["topic", "subscription"]
    autocomplete_fields = ["topic"]
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("topic").order_by("topic__name")
