"""A contact's segments and topics as boxes to tick, on its own form.

The page remembers which boxes it showed ticked. Only what the person changed is written: a segment
joined at Resend while the page was open isn't left again by saving it.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Contact, Segment, Subscription, Topic, TopicSubscription
from .bases import ModelForm

SEGMENTS, TOPICS = "in_segments", "on_topics"


class Ticks(forms.CheckboxSelectMultiple):
    """Boxes of which some can't be changed."""

    fixed: frozenset[int] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if value in self.fixed:
            option["attrs"]["disabled"] = True
        return option


def _ticks(label: Any) -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=label, required=False, coerce=int, widget=Ticks, show_hidden_initial=True
    )


class LinksForm(ModelForm):
    in_segments = _ticks(gettext_lazy("Segments"))
    on_topics = _ticks(gettext_lazy("Topics"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer_segments()
        self._offer_topics()

    def _offer_segments(self) -> None:
        field: Any = self.fields[SEGMENTS]
        field.choices = Segment.objects.order_by("name", "pk").values_list("pk", "name")
        if self.instance.pk is not None:
            members = self.instance.segmentmembership_set.values_list("segment_id", flat=True)
            self.initial[SEGMENTS] = list(members)

    def _offer_topics(self) -> None:
        field: Any = self.fields[TOPICS]
        chosen = choices_of(self.instance)
        topics = list(Topic.objects.order_by("name", "pk"))
        field.choices = [(topic.pk, _topic_label(topic, chosen.get(topic.pk))) for topic in topics]
        self.opted_out = frozenset(pk for pk, choice in chosen.items() if _is_out(choice))
        field.widget.fixed = self.opted_out
        self.initial[TOPICS] = [
            topic.pk
            for topic in topics
            if not _is_out(chosen.get(topic.pk, topic.default_subscription))
        ]

    def clean_on_topics(self) -> list[int]:
        ticked: list[int] = self.cleaned_data[TOPICS]
        if self.opted_out & set(ticked):
            raise ValidationError(
                _(
                    "This person opted out of the topic. With the person's consent, use "
                    "“Opt in again” on this page."
                ),
                code="consent",
            )
        return ticked

    def _save_m2m(self) -> None:
        super()._save_m2m()  # type: ignore[misc]  # Django's own, behind save()
        contact: Contact = self.instance
        joined, left = self._changes(SEGMENTS)
        contact.segments.add(*joined)
        contact.segments.remove(*left)
        opted_in, opted_out = self._changes(TOPICS)
        # A choice that arrived meanwhile stands: bulk_create ignores existing pairs.
        TopicSubscription.objects.bulk_create(
            TopicSubscription(contact=contact, topic_id=pk, subscription=Subscription.OPT_IN)
            for pk in opted_in
        )
        for topic in Topic.objects.filter(pk__in=opted_out):
            contact.opt_out(topic)

    def _changes(self, name: str) -> tuple[set[int], set[int]]:
        """The boxes that were ticked, and those that were unticked, by whoever sent the form."""
        field = self.fields[name]
        shown = field.hidden_widget().value_from_datadict(
            self.data, self.files, self.add_initial_prefix(name)
        )
        before = {int(pk) for pk in shown or () if str(pk).isdecimal()}
        after = set(self.cleaned_data.get(name) or ())
        # What isn't offered any more was deleted meanwhile.
        offered = {pk for pk, _label in getattr(field, "choices", ())}
        return after - before, (before - after) & offered


def choices_of(contact: Contact) -> dict[int, str]:
    """The contact's own choices, by topic."""
    if contact._state.adding:
        return {}
    return dict(contact.topicsubscription_set.values_list("topic_id", "subscription"))


def _is_out(choice: str) -> bool:
    return choice == Subscription.OPT_OUT


def _topic_label(topic: Topic, choice: str | None) -> str:
    if choice is None:
        return _("%(topic)s (no choice yet: the default)") % {"topic": topic.name}
    if _is_out(choice):
        return _("%(topic)s (opted out)") % {"topic": topic.name}
    return topic.name
