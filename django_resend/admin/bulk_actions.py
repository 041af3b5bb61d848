"""The actions that put many contacts into segments and topics, take them out, or delete them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..conf import resend_settings
from ..models import Segment, SegmentMembership, Subscription, Topic, TopicSubscription
from ..models.bulk import (
    BulkResult,
    LeftOut,
    add_to_segments,
    remove_from_segments,
    subscribe_to_topics,
    unsubscribe_from_topics,
)
from .bases import ModelAdmin, MultipleChoiceField
from .confirm import Page, Text, confirm, is_confirmed, log_action
from .price import price


@dataclass(frozen=True)
class BulkAction:
    """One action: its words, its effect, and how many of the selected it finds already done."""

    name: str
    title: Text
    button: Text
    model: type[Segment] | type[Topic]
    rules: Sequence[Text]
    calls_each: int
    run: Callable[[QuerySet[Any], Any], BulkResult]
    count: Callable[[QuerySet[Any]], Mapping[int, int]]
    counted: Callable[[int], str]
    done: Callable[[int], str]


class ChoiceField(MultipleChoiceField):
    """Segments or topics as checkboxes, each with what is known of the selected contacts."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, action: BulkAction, contacts: QuerySet[Any]) -> None:
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


def perform(
    model_admin: ModelAdmin, request: HttpRequest, contacts: QuerySet[Any], action: BulkAction
) -> HttpResponse | None:
    """Ask first; once confirmed, write the mirror and the outbox and tell the outcome."""
    count = contacts.count()
    data = request.POST if is_confirmed(request, count) else None
    form = ChoiceForm(data, field=ChoiceField(action, contacts))
    if form.is_valid():
        chosen = list(form.cleaned_data["chosen"])
        result = action.run(contacts, chosen)
        names = ", ".join(str(one) for one in chosen)
        log_action(model_admin, request, count=count, what=f"{action.title}: {names}")
        _tell(model_admin, request, action, result)
        return None
    missing = _("There is nothing to choose from yet: first add %(kind)s.") % {
        "kind": action.model._meta.verbose_name_plural
    }
    page = Page(
        action=action.name,
        title=action.title,
        button=action.button,
        lines=[*action.rules, _delivery(count * action.calls_each)],
        form=form,
        hindrance="" if action.model._default_manager.exists() else missing,
    )
    return confirm(model_admin, request, page, count=count)


def _delivery(calls: int) -> str:
    if not resend_settings.may_push:
        return _("This site only pulls: the change stays here and does not reach Resend.")
    return _("The change is sent to Resend in the background: %s for each one you choose.") % price(
        calls
    )


def _tell(
    model_admin: ModelAdmin, request: HttpRequest, action: BulkAction, result: BulkResult
) -> None:
    parts = [action.done(result.changed)]
    if result.unchanged:
        count = result.unchanged
        parts.append(ngettext("%d was so already.", "%d were so already.", count) % count)
    if result.unsubscribed:
        count = result.unsubscribed
        parts.append(
            ngettext(
                "%d of them has unsubscribed from all broadcasts and gets none all the same.",
                "%d of them have unsubscribed from all broadcasts and get none all the same.",
                count,
            )
            % count
        )
    level = messages.SUCCESS if result.changed else messages.INFO
    model_admin.message_user(request, " ".join(parts), level)
    for reason, count in result.left_out.items():
        sentence = ngettext("%(count)d left out: %(why)s.", "%(count)d left out: %(why)s.", count)
        text = sentence % {"count": count, "why": LeftOut(reason).label}
        model_admin.message_user(request, text, messages.WARNING)


def _members(contacts: QuerySet[Any]) -> dict[int, int]:
    rows = SegmentMembership.objects.filter(contact__in=contacts.order_by().values("pk"))
    return dict(rows.values_list("segment").annotate(Count("pk")))


def _choices(subscription: Subscription) -> Callable[[QuerySet[Any]], dict[int, int]]:
    def count(contacts: QuerySet[Any]) -> dict[int, int]:
        rows = TopicSubscription.objects.filter(
            contact__in=contacts.order_by().values("pk"), subscription=subscription
        )
        return dict(rows.values_list("topic").annotate(Count("pk")))

    return count


ADD_TO_SEGMENTS = BulkAction(
    name="add_to_segments",
    title=gettext_lazy("Add to segments"),
    button=gettext_lazy("Add to these segments"),
    model=Segment,
    rules=[
        gettext_lazy("Contacts that are in a segment already stay as they are."),
        gettext_lazy("Nobody is subscribed by it: people who unsubscribed stay unsubscribed."),
    ],
    calls_each=1,
    run=add_to_segments,
    count=_members,
    counted=lambda n: ngettext("%d is in it already", "%d are in it already", n) % n,
    done=lambda n: ngettext("%d membership added.", "%d memberships added.", n) % n,
)

REMOVE_FROM_SEGMENTS = BulkAction(
    name="remove_from_segments",
    title=gettext_lazy("Remove from segments"),
    button=gettext_lazy("Remove from these segments"),
    model=Segment,
    rules=[gettext_lazy("The contacts themselves, and their topics, stay as they are.")],
    calls_each=1,
    run=remove_from_segments,
    count=_members,
    counted=lambda n: ngettext("%d is in it", "%d are in it", n) % n,
    done=lambda n: ngettext("%d membership removed.", "%d memberships removed.", n) % n,
)

SUBSCRIBE_TO_TOPICS = BulkAction(
    name="subscribe_to_topics",
    title=gettext_lazy("Subscribe to topics"),
    button=gettext_lazy("Subscribe to these topics"),
    model=Topic,
    rules=[
        gettext_lazy(
            "Left out: everyone who opted out of the topic. They can be opted in again only one "
            "by one, with a reason."
        ),
        gettext_lazy("People who unsubscribed from all broadcasts stay unsubscribed from them."),
    ],
    calls_each=2,
    run=subscribe_to_topics,
    count=_choices(Subscription.OPT_OUT),
    counted=lambda n: ngettext("%d opted out: left out", "%d opted out: left out", n) % n,
    done=lambda n: ngettext("%d subscription made.", "%d subscriptions made.", n) % n,
)

UNSUBSCRIBE_FROM_TOPICS = BulkAction(
    name="unsubscribe_from_topics",
    title=gettext_lazy("Unsubscribe from topics"),
    button=gettext_lazy("Unsubscribe from these topics"),
    model=Topic,
    rules=[
        gettext_lazy("Everyone selected is opted out, including people who made no choice before."),
        gettext_lazy(
            "It can't be undone in bulk: opting in again is done one by one, with a reason."
        ),
    ],
    calls_each=2,
    run=unsubscribe_from_topics,
    count=_choices(Subscription.OPT_OUT),
    counted=lambda n: ngettext("%d opted out already", "%d opted out already", n) % n,
    done=lambda n: ngettext("%d opt-out recorded.", "%d opt-outs recorded.", n) % n,
)

BULK_ACTIONS = [
    ADD_TO_SEGMENTS.name,
    REMOVE_FROM_SEGMENTS.name,
    SUBSCRIBE_TO_TOPICS.name,
    UNSUBSCRIBE_FROM_TOPICS.name,
]


class BulkActions(ModelAdmin):
    """The four actions, for the admin of contacts."""

    @admin.action(permissions=["change"], description=gettext_lazy("Add to segments…"))
    def add_to_segments(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, ADD_TO_SEGMENTS)

    @admin.action(permissions=["change"], description=gettext_lazy("Remove from segments…"))
    def remove_from_segments(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, REMOVE_FROM_SEGMENTS)

    @admin.action(permissions=["change"], description=gettext_lazy("Subscribe to topics…"))
    def subscribe_to_topics(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, SUBSCRIBE_TO_TOPICS)

    @admin.action(permissions=["change"], description=gettext_lazy("Unsubscribe from topics…"))
    def unsubscribe_from_topics(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return perform(self, request, queryset, UNSUBSCRIBE_FROM_TOPICS)
