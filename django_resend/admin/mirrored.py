"""What the admin pages of all mirrored models share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ..models import OutboxEntry
from .bases import ModelAdmin
from .sync_state import badge, state_of
from .vendor_words import meaning

FACTS = ["remote_id", "remote_created_at", "pushed_at"]


class MirroredAdmin(ModelAdmin):
    show_full_result_count = False
    readonly_fields: ClassVar[Any] = ["sync_report", *FACTS]
    delete_confirmation_template = "django_resend/admin/delete.html"
    delete_selected_confirmation_template = "django_resend/admin/delete_selected.html"

    dependents: ClassVar[Mapping[type[Model], str]] = {}
    """What is deleted together with an object: model to the name of its foreign key."""

    class Media:
        css = {"all": ["django_resend/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        return rows.with_outbox()  # type: ignore[no-any-return]  # a mirror's queryset

    @admin.display(description=_("sync state"))
    def sync_state(self, obj: Any) -> SafeString:
        return badge(state_of(obj))

    @admin.display(description=_("sync state"))
    def sync_report(self, obj: Any) -> SafeString:
        entry = OutboxEntry.objects.filter(kind=obj.kind, object_id=obj.pk).first()
        context = {
            "badge": badge(state_of(obj)),
            "entry": entry,
            "refused": entry is not None and entry.state == OutboxEntry.State.REFUSED,
            "waiting": self.waiting_changes(obj) if entry else [],
            "pushed_at": obj.pushed_at,
            "meaning": meaning(entry.error_status, entry.error_name) if entry else "",
            "attention": self.attention(obj),
        }
        return render_to_string("django_resend/admin/sync_report.html", context)

    def waiting_changes(self, obj: Any) -> list[str]:
        """What the next push will bring to Resend, a line each."""
        return []

    def attention(self, obj: Any) -> str:
        """What a person should look at, empty if nothing."""
        return ""

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Counts what goes with the objects; a segment's members are too many to be listed."""
        count = objs.count() if isinstance(objs, QuerySet) else len(objs)
        shown = [f"{capfirst(self.opts.verbose_name)}: {obj}" for obj in objs[:100]]
        counts = {str(self.opts.verbose_name_plural): count}
        for model, name in self.dependents.items():
            rows = model._default_manager.filter(**{f"{name}__in": objs}).count()
            counts[str(model._meta.verbose_name_plural)] = rows
        may_delete = self.has_delete_permission(request)
        forbidden = set() if may_delete else {str(self.opts.verbose_name)}
        return shown, counts, forbidden, []
