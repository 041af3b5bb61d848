"""Contacts: the list, the change page, and the actions on many at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db import models
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..models import (
    ConsentError,
    Contact,
    ContactProperty,
    Segment,
    SegmentMembership,
    TopicSubscription,
    email_key,
)
from .attention_actions import ATTENTION_ACTIONS, AttentionActions
from .bulk_actions import BULK_ACTIONS, BulkActions
from .contact_form import ContactForm, editable, with_properties
from .deletion import DeleteAction
from .filters import SegmentFilter, TopicFilter, UnsubscribedFilter
from .inlines import MembershipInline, SubscriptionInline
from .mirrored import FACTS, MirroredAdmin
from .opt_in import has_opted_out, opt_in_view
from .sync_actions import SYNC_ACTIONS, SyncActions
from .sync_state import SyncStateFilter
from .waiting import waiting_changes

SEGMENTS_SHOWN = 2


class ContactChangeList(ChangeList):
    """Reads only what the list shows; a page of contacts may hold megabytes of JSON."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        segments = Segment.objects.only("name").order_by("name")
        return (
            super()
            .get_queryset(*args, **kwargs)
            .defer("raw", "base", "in_flight", "properties")
            .prefetch_related(Prefetch("segments", queryset=segments))
        )


@admin.register(Contact)
class ContactAdmin(BulkActions, SyncActions, AttentionActions, DeleteAction, MirroredAdmin):
    form = ContactForm
    actions = [*BULK_ACTIONS, *SYNC_ACTIONS, *ATTENTION_ACTIONS, "delete_selected"]
    inlines = [MembershipInline, SubscriptionInline]
    list_display = ["address", "name", "broadcasts", "segment_names", "sync_state"]
    list_filter = [UnsubscribedFilter, SegmentFilter, TopicFilter, SyncStateFilter, "attention"]
    ordering = ["email_key"]
    search_fields = ["email_key", "first_name", "last_name"]
    search_help_text = _("The beginning of an address, or a part of a name.")
    readonly_fields = [*MirroredAdmin.readonly_fields, "deep_checked_at", "opt_in_again"]
    formfield_overrides = {models.TextField: {"widget": AdminTextInputWidget}}
    dependents = {SegmentMembership: "contact", TopicSubscription: "contact"}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ContactChangeList

    @admin.display(description=_("address"), ordering="email_key")
    def address(self, obj: Contact) -> str:
        return obj.email

    @admin.display(description=_("name"))
    def name(self, obj: Contact) -> str:
        return f"{obj.first_name} {obj.last_name}".strip()

    @admin.display(description=_("broadcasts"), ordering="unsubscribed")
    def broadcasts(self, obj: Contact) -> Any:
        if obj.unsubscribed:
            return format_html(
                '<span class="resend-badge resend-opted-out">{}</span>', _("unsubscribed")
            )
        return _("subscribed")

    @admin.display(description=_("segments"))
    def segment_names(self, obj: Contact) -> str:
        names = [segment.name for segment in obj.segments.all()]
        more = len(names) - SEGMENTS_SHOWN
        shown = ", ".join(names[:SEGMENTS_SHOWN])
        if more <= 0:
            return shown
        return ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", more) % {
            "names": shown,
            "count": more,
        }

    @admin.display(description=_("opt in again"))
    def opt_in_again(self, obj: Contact) -> Any:
        url = reverse(f"{self.admin_site.name}:django_resend_contact_opt_in", args=[obj.pk])
        explanation = _("Records who opted the person in again, and why.")
        return format_html('<a href="{}">{}</a> {}', url, _("Opt in again…"), explanation)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        for word in search_term.split():
            queryset = queryset.filter(
                Q(email_key__startswith=email_key(word))
                | Q(first_name__icontains=word)
                | Q(last_name__icontains=word)
            )
        return queryset, False

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if self._may_edit(request, obj):
            kwargs["form"] = with_properties(self._definitions())
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        consent = ["unsubscribed"]
        if obj is not None and self._may_edit(request, obj) and has_opted_out(obj):
            consent.append("opt_in_again")
        sync = [] if obj is None else ["sync_report"]
        sets: list[Any] = [
            (None, {"fields": ["email", ("first_name", "last_name"), *consent, *sync]}),
        ]
        if not self._may_edit(request, obj):
            sets.append((_("Properties"), {"fields": ["properties"]}))
        elif properties := [f"property_{one.pk}" for one in self._definitions()]:
            sets.append((_("Properties"), {"fields": properties}))
        if obj is not None:
            facts = [*FACTS, "deep_checked_at"]
            sets.append((_("At Resend"), {"fields": facts, "classes": ["collapse"]}))
        return sets

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ConsentError:
            # The person opted out between this form's check and its save.
            sentence = _("This person has opted out just now. Nothing was saved.")
            self.message_user(request, sentence, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @admin.display(description=_("sync state"))
    def sync_state(self, obj: Any) -> Any:
        if not obj.attention:
            return super().sync_state(obj)
        flag = '{} <span class="resend-badge resend-refused" title="{}">{}</span>'
        reason = obj.get_attention_display()
        return format_html(flag, super().sync_state(obj), reason, _("attention"))

    def attention(self, obj: Any) -> str:
        return obj.get_attention_display()  # type: ignore[no-any-return]

    def waiting_changes(self, obj: Any) -> list[str]:
        return waiting_changes(obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.opt_in_view)
        ours = path("<int:object_id>/opt-in/", view, name="django_resend_contact_opt_in")
        return [ours, *super().get_urls()]

    def opt_in_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return opt_in_view(self, request, object_id)

    def _may_edit(self, request: HttpRequest, obj: Any) -> bool:
        if obj is None:
            return self.has_add_permission(request)
        return self.has_change_permission(request, obj)

    def _definitions(self) -> list[ContactProperty]:
        return editable(ContactProperty.objects.order_by("key"))
