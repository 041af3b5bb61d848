"""The actions that put many contacts into segments and topics, or take them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import (
    Kind,
    Segment,
    SegmentMembership,
    Subscription,
    Tombstone,
    Topic,
    TopicSubscription,
)
from .bases import ModelAdmin, MultipleChoiceField
from .confirm import Text
from .job_actions import (
    JobAction,
    delivery,
    perform,
    refused_before,
    suppressed_among,
    unsubscribed_among,
)


class ChoiceAction(JobAction):
    """With some segments or topics, each shown with how many of the selected it finds."""

    model: ClassVar[type[Segment] | type[Topic]]
    calls_each: ClassVar[int]

    def count(self, contacts: QuerySet[Any]) -> Mapping[int, int]:
        """By segment or topic, of how many of the contacts something is known."""
        raise NotImplementedError

    def counted(self, count: int) -> str:
        """What is known of so many."""
        raise NotImplementedError

    def form(self, data: Any, contacts: QuerySet[Any]) -> forms.Form:
        return ChoiceForm(data, field=ChoiceField(self, contacts))

    def arguments(self, form: forms.Form) -> dict[str, Any]:
        return {"chosen": [one.pk for one in form.cleaned_data["chosen"]]}

    def summary(self, form: forms.Form) -> str:
        return ", ".join(str(one) for one in form.cleaned_data["chosen"])

    def facts(self, contacts: QuerySet[Any], count: int) -> list[Text]:
        return [*refused_before(contacts), delivery(count * self.calls_each, each=True)]

    def hindrance(self) -> Text:
        if self.model._default_manager.exists():
            return ""
        return _("There is nothing to choose from yet: first add %(kind)s.") % {
            "kind": self.model._meta.verbose_name_plural
        }


class ChoiceField(MultipleChoiceField):
    """Segments or topics as checkboxes, each with what is known of the selected contacts."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, action: ChoiceAction, contacts: QuerySet[Any]) -> None:
        self.action = action
        self.counts = action.count(contacts)
        super().__init__(
            action.model._default_manager.order_by("name", "pk"),
            label=action.model._meta.verbose_name_plural,
            error_messages={"required": _("Choose at least one.")},
        )

    def label_from_instance(self, obj: Any) -> str:
        count = self.counts.get(obj.pk)
        return f"{obj} ({self.action.counted(count)})" if count else str(obj)


class ChoiceForm(forms.Form):
    def __init__(self, *args: Any, field: ChoiceField, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["chosen"] = field


class MemberAction(ChoiceAction):
    model = Segment
    calls_each = 1

    def count(self, contacts: QuerySet[Any]) -> Mapping[int, int]:
        rows = SegmentMembership.objects.filter(contact__in=contacts.values("pk"))
        return dict(rows.values_list("segment").annotate(Count("pk")))


class AddToSegments(MemberAction):
    operation = "add_to_segments"
    title = gettext_lazy("Add to segments")
    button = gettext_lazy("Add to these segments")
    rules = [
        gettext_lazy("Contacts that are in a segment already stay as they are."),
        gettext_lazy("Nobody is subscribed by it: people who unsubscribed stay unsubscribed."),
    ]

    def counted(self, count: int) -> str:
        return ngettext("%d is in it already", "%d are in it already", count) % count

    def facts(self, contacts: QuerySet[Any], count: int) -> list[Text]:
        known = [*unsubscribed_among(contacts), *suppressed_among(contacts)]
        return [*known, *super().facts(contacts, count)]


class RemoveFromSegments(MemberAction):
    operation = "remove_from_segments"
    title = gettext_lazy("Remove from segments")
    button = gettext_lazy("Remove from these segments")
    rules = [gettext_lazy("The contacts themselves, and their topics, stay as they are.")]

    def counted(self, count: int) -> str:
        return ngettext("%d is in it", "%d are in it", count) % count


class TopicAction(ChoiceAction):
    model = Topic
    calls_each = 2

    def count(self, contacts: QuerySet[Any]) -> Mapping[int, int]:
        rows = TopicSubscription.objects.filter(
            contact__in=contacts.values("pk"), subscription=Subscription.OPT_OUT
        )
        return dict(rows.values_list("topic").annotate(Count("pk")))


class SubscribeToTopics(TopicAction):
    operation = "subscribe_to_topics"
    title = gettext_lazy("Subscribe to topics")
    button = gettext_lazy("Subscribe to these topics")
    rules = [
        gettext_lazy(
            "Left out: everyone who opted out of the topic. They can be opted in again only one "
            "by one, with a reason."
        ),
        gettext_lazy("People who unsubscribed from all broadcasts stay unsubscribed from them."),
    ]

    def counted(self, count: int) -> str:
        return ngettext("%d opted out: left out", "%d opted out: left out", count) % count

    def facts(self, contacts: QuerySet[Any], count: int) -> list[Text]:
        known = [*unsubscribed_among(contacts), *suppressed_among(contacts)]
        return [*known, *_remembered(contacts), *super().facts(contacts, count)]


class UnsubscribeFromTopics(TopicAction):
    operation = "unsubscribe_from_topics"
    title = gettext_lazy("Unsubscribe from topics")
    button = gettext_lazy("Unsubscribe from these topics")
    rules = [
        gettext_lazy("Everyone selected is opted out, including people who made no choice before."),
        gettext_lazy(
            "It can't be undone in bulk: opting in again is done one by one, with a reason."
        ),
    ]

    def counted(self, count: int) -> str:
        return ngettext("%d opted out already", "%d opted out already", count) % count


def _remembered(contacts: QuerySet[Any]) -> list[Text]:
    """Tells of addresses that came back after their contact, with its opt-outs, was deleted."""
    graves = Tombstone.objects.filter(kind=Kind.CONTACT).exclude(topic_opt_outs=[])
    count = graves.filter(email_key__in=contacts.values("email_key")).count()
    if not count:
        return []
    sentence = ngettext(
        "%d address opted out of topics before its contact was deleted: left out of those.",
        "%d addresses opted out of topics before their contacts were deleted: left out of those.",
        count,
    )
    return [sentence % count]


BULK_ACTIONS = [
    "add_to_segments",
    "remove_from_segments",
    "subscribe_to_topics",
    "unsubscribe_from_topics",
]


class BulkActions(ModelAdmin):
    """The four actions, for the admin of contacts."""

    @admin.action(permissions=["change"], description=gettext_lazy("Add to segments…"))
    def add_to_segments(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, "add_to_segments", AddToSegments())

    @admin.action(permissions=["change"], description=gettext_lazy("Remove from segments…"))
    def remove_from_segments(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, "remove_from_segments", RemoveFromSegments())

    @admin.action(permissions=["change"], description=gettext_lazy("Subscribe to topics…"))
    def subscribe_to_topics(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, "subscribe_to_topics", SubscribeToTopics())

    @admin.action(permissions=["change"], description=gettext_lazy("Unsubscribe from topics…"))
    def unsubscribe_from_topics(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, "unsubscribe_from_topics", UnsubscribeFromTopics())
