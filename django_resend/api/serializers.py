"""What mirrored rows look like in JSON: the common part, and the definitions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any, TypeVar

from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from rest_framework import ISO_8601, serializers

from ..models import ContactProperty, Segment, Topic
from .rows import IN_STEP
from .values import storable

M = TypeVar("M", bound=Model)

NUL_REFUSED = _("Null characters are not allowed.")

MIRRORED = ("sync_state", "error", "created_at", "updated_at")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a misspelt opt-out must not pass for one."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(name) for name in data if name not in self.fields)
            if unknown:
                raise serializers.ValidationError({name: [_("No such field.")] for name in unknown})
        return super().to_internal_value(data)


class MirroredSerializer(StrictSerializer, serializers.ModelSerializer[M]):
    """What all mirrored rows show. The rows come from ``with_sync_state``."""

    remote_id = serializers.CharField(read_only=True)
    sync_state = serializers.SerializerMethodField()
    error = serializers.JSONField(source="outbox_error", read_only=True)
    created_at = serializers.DateTimeField(read_only=True, format=ISO_8601, default_timezone=UTC)
    updated_at = serializers.DateTimeField(read_only=True, format=ISO_8601, default_timezone=UTC)

    def get_sync_state(self, row: Any) -> str:
        return row.outbox_state or IN_STEP

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The model's own rules, so that REST and the admin refuse the same things."""
        model: Any = self.Meta.model
        model(pk=self.instance.pk if self.instance else None, **attrs).clean()
        return attrs


class SegmentSerializer(MirroredSerializer[Segment]):
    class Meta:
        model = Segment
        fields = ("id", "remote_id", "name", *MIRRORED)


class SegmentDetailSerializer(SegmentSerializer):
    """One segment, with the number of its members, which is too dear for a list."""

    member_count = serializers.SerializerMethodField()

    class Meta:
        model = Segment
        fields = ("id", "remote_id", "name", "member_count", *MIRRORED)

    def get_member_count(self, segment: Segment) -> int:
        return segment.memberships.count()


class TopicSerializer(MirroredSerializer[Topic]):
    class Meta:
        model = Topic
        fields = (
            "id",
            "remote_id",
            "name",
            "description",
            "default_subscription",
            "visibility",
            *MIRRORED,
        )


class PropertySerializer(MirroredSerializer[ContactProperty]):
    class Meta:
        model = ContactProperty
        fields = ("id", "remote_id", "key", "type", "fallback_value", *MIRRORED)

    def validate_fallback_value(self, value: object) -> object:
        if not storable(value):
            raise serializers.ValidationError(NUL_REFUSED)
        return value
