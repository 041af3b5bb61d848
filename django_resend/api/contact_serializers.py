"""Contacts in JSON, and the writing of them with their segments and topic choices."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import ISO_8601, serializers

from ..models import (
    ConsentError,
    Contact,
    ContactProperty,
    Segment,
    Subscription,
    Topic,
    TopicSubscription,
)
from .serializers import MIRRORED, NUL_REFUSED, MirroredSerializer, StrictSerializer
from .values import MAX_KEY, storable

ASK_TO_RESUBSCRIBE = _(
    'This person has unsubscribed. To opt them in again, POST {"reason": "..."} to '
    "contacts/<id>/resubscribe/: it records who did it and why."
)
ASK_TO_OPT_IN = _(
    "This person opted out of the topic %(topic)s. To opt them in again, POST "
    '{"topic": %(id)s, "subscription": "opt_in", "reason": "..."} to contacts/<id>/topics/: '
    "it records who did it and why."
)


class SegmentLabelSerializer(StrictSerializer):
    id = serializers.IntegerField(min_value=1, max_value=MAX_KEY)
    name = serializers.CharField(read_only=True)


class TopicChoiceSerializer(StrictSerializer):
    id = serializers.IntegerField(source="topic_id", min_value=1, max_value=MAX_KEY)
    name = serializers.CharField(source="topic.name", read_only=True)
    subscription = serializers.ChoiceField(choices=Subscription.choices)


class ContactSerializer(MirroredSerializer[Contact]):
    """A contact. Segments written here replace the old ones; topic choices add to them.

    Properties written to an existing contact are merged key by key, and null takes a key away,
    as at Resend (Resend docs: Contacts, Update contact).
    """

    email = serializers.EmailField(max_length=320)
    suppressed_at = serializers.DateTimeField(read_only=True, format=ISO_8601, default_timezone=UTC)
    suppression_origin = serializers.CharField(read_only=True)
    properties = serializers.DictField(required=False)
    segments = SegmentLabelSerializer(many=True, required=False)
    topics = TopicChoiceSerializer(many=True, required=False, source="topicsubscription_set")

    class Meta:
        model = Contact
        fields = (
            "id",
            "remote_id",
            "email",
            "first_name",
            "last_name",
            "unsubscribed",
            "suppressed_at",
            "suppression_origin",
            "properties",
            "segments",
            "topics",
            *MIRRORED,
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # Only a new address: a mirrored one that Django finds odd must not block other changes.
        if "email" in attrs:
            Contact(pk=self.instance.pk if self.instance else None, email=attrs["email"]).clean()
        return attrs

    def validate_properties(self, given: dict[str, Any]) -> dict[str, Any]:
        # Compared in Python: MariaDB would take "Plan" for "plan".
        definitions = {row.key: row for row in ContactProperty.objects.all()}
        errors: dict[str, Any] = {}
        for key, value in given.items():
            if key not in definitions:
                errors[key] = [_("No contact property has this key.")]
            elif value is not None and not definitions[key].accepts(value):
                kind = definitions[key].get_type_display()
                errors[key] = [_("The property's type is %(kind)s.") % {"kind": kind}]
            elif not storable(value):
                errors[key] = [NUL_REFUSED]
        if errors:
            raise serializers.ValidationError(errors)
        return given

    def validate_segments(self, given: list[dict[str, int]]) -> list[Segment]:
        wanted = {item["id"] for item in given}
        found = Segment.objects.in_bulk(wanted)
        refuse_missing(wanted - set(found), _("No segment has the id %(id)s."))
        return list(found.values())

    def validate_topics(self, given: list[dict[str, Any]]) -> dict[Topic, Subscription]:
        wanted = {item["topic_id"]: Subscription(item["subscription"]) for item in given}
        if len(wanted) < len(given):
            raise serializers.ValidationError(_("Name each topic once."))
        found = Topic.objects.in_bulk(wanted)
        refuse_missing(wanted.keys() - set(found), _("No topic has the id %(id)s."))
        return {found[pk]: choice for pk, choice in wanted.items()}

    def create(self, validated_data: dict[str, Any]) -> Contact:
        return self._store(Contact(), validated_data)

    def update(self, instance: Contact, validated_data: dict[str, Any]) -> Contact:
        return self._store(instance, validated_data)

    def _store(self, contact: Contact, data: dict[str, Any]) -> Contact:
        segments = data.pop("segments", None)
        choices = data.pop("topicsubscription_set", {})
        merged = {**contact.properties, **data.pop("properties", {})}
        contact.properties = {key: value for key, value in merged.items() if value is not None}
        for name, value in data.items():
            setattr(contact, name, value)
        try:
            contact.save()
        except ConsentError as error:
            raise serializers.ValidationError({"unsubscribed": [ASK_TO_RESUBSCRIBE]}) from error
        if segments is not None:
            contact.segments.set(segments)
        store_choices(contact, choices)
        return contact


class MembershipSerializer(StrictSerializer):
    segment = serializers.PrimaryKeyRelatedField(queryset=Segment.objects.all())


class ResubscribeSerializer(StrictSerializer):
    reason = serializers.CharField()


class ChoiceSerializer(StrictSerializer):
    """One topic choice. Opting in says why, because it may take back an opt-out."""

    topic = serializers.PrimaryKeyRelatedField(queryset=Topic.objects.all())
    subscription = serializers.ChoiceField(choices=Subscription.choices)
    reason = serializers.CharField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["subscription"] == Subscription.OPT_IN and "reason" not in attrs:
            raise serializers.ValidationError({"reason": [_("Say why this person is opted in.")]})
        return attrs


def store_choices(contact: Contact, choices: dict[Topic, Subscription]) -> None:
    """Make these choices; never opts in a person who opted out (raises ``ValidationError``)."""
    stored = {row.topic_id: row for row in contact.topicsubscription_set.filter(topic__in=choices)}
    for topic, choice in choices.items():
        row = stored.get(topic.pk) or TopicSubscription(contact=contact, topic=topic)
        if row.pk and row.subscription == choice:
            continue
        if choice == Subscription.OPT_OUT:
            contact.opt_out(topic)
            continue
        row.subscription = choice
        try:
            row.save()
        except ConsentError as error:
            sentence = ASK_TO_OPT_IN % {"topic": topic.name, "id": topic.pk}
            raise serializers.ValidationError({"topics": [sentence]}) from error


def refuse_missing(ids: Iterable[int], sentence: Any) -> None:
    missing = [sentence % {"id": pk} for pk in sorted(ids)]
    if missing:
        raise serializers.ValidationError(missing)
