"""How far a mirrored object is in step with Resend, in plain words."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import OutboxEntry
from .filters import StrictFilter


class SyncState(models.TextChoices):
    IN_STEP = "in_step", _("in step")
    WAITING = "pending", _("waiting")
    REFUSED = "refused", _("refused")
    ONLY_HERE = "only_here", _("only here")


def state_of(obj: Any) -> SyncState:
    """The state of an object whose queryset had ``with_outbox()``."""
    if obj.outbox_state:
        return SyncState(obj.outbox_state)
    return SyncState.IN_STEP if obj.remote_id else SyncState.ONLY_HERE


def badge(state: SyncState) -> SafeString:
    return format_html('<span class="resend-badge resend-{}">{}</span>', state.value, state.label)


class SyncStateFilter(StrictFilter):
    title = _("sync state")
    parameter_name = "sync_state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return SyncState.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if value is None:
            return None
        entries = OutboxEntry.objects.filter(kind=queryset.model.kind, object_id=OuterRef("pk"))
        if value in OutboxEntry.State.values:
            return queryset.filter(Exists(entries.filter(state=value)))
        if value not in SyncState.values:
            return queryset.none()
        at_resend = value == SyncState.IN_STEP
        return queryset.filter(~Exists(entries), remote_id__isnull=not at_resend)
