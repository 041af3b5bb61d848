"""Contacts: the list, the change page, and the actions on many at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db import models
from django.db.models import Prefetch, QuerySet
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
)
from .attention_actions import ATTENTION_ACTIONS, AttentionActions
from .bulk_actions import BULK_ACTIONS, BulkActions
from .contact_actions import CONTACT_ACTIONS, ContactActions
from .contact_buttons import ContactButtons
from .contact_facts import FACT_FIELDS, ContactFacts
from .contact_form import ContactForm, editable, with_properties
from .contact_links import SEGMENTS, TOPICS
from .csv_pages import FilePages
from .filters import (
    PropertyFilter,
    SegmentFilter,
    SuppressedFilter,
    TopicFilter,
    UnsubscribedFilter,
)
from .mirrored import FACTS, MirroredAdmin
from .opt_in import has_opted_out, opt_in_view
from .paginator import CappedPaginator
from .search import search_contacts
from .several import several_view
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
class ContactAdmin(
    BulkActions,
    ContactActions,
    AttentionActions,
    ContactButtons,
    ContactFacts,
    FilePages,
    MirroredAdmin,
):
    form = ContactForm
    actions = [
        *BULK_ACTIONS,
        *CONTACT_ACTIONS[:-1],
        *ATTENTION_ACTIONS,
        "export_csv",
        CONTACT_ACTIONS[-1],
    ]
    list_display = ["address", "name", "broadcasts", "suppressed", "sync_state", "segment_names"]
    list_filter = [
        UnsubscribedFilter,
        SuppressedFilter,
        SegmentFilter,
        TopicFilter,
        SyncStateFilter,
        PropertyFilter,
        "attention",
    ]
    paginator = CappedPaginator
    change_list_template = "django_resend/admin/contact_list.html"
    ordering = ["email_key"]
    search_fields = ["email_key", "first_key", "last_key"]
    search_help_text = _("The beginning of an address, a first name or a last name.")
    change_form_template = "django_resend/admin/contact_change.html"
    readonly_fields = [
        *MirroredAdmin.readonly_fields,
        *FACT_FIELDS,
        "deep_checked_at",
        "opt_in_again",
        "suppressed",
    ]
    formfield_overrides = {models.TextField: {"widget": AdminTextInputWidget}}
    dependents = {SegmentMembership: "contact", TopicSubscription: "contact"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        contacts: Any = super().get_queryset(request)
        return contacts.with_suppression()  # type: ignore[no-any-return]  # ours

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

    @admin.display(description=_("suppressed"), empty_value="")
    def suppressed(self, obj: Any) -> Any:
        """Why Resend sends nothing to the address, whatever the contact says."""
        if obj.suppressed_at is None:
            return None
        return obj.suppression_origin or _("yes")

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
        return search_contacts(queryset, search_term), False

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if self._may_edit(request, obj):
            kwargs["form"] = with_properties(self.editable_definitions())
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        consent = ["unsubscribed"]
        if obj is not None and self._may_edit(request, obj) and has_opted_out(obj):
            consent.append("opt_in_again")
        sync = [] if obj is None else ["sync_report"]
        sets: list[Any] = [
            (None, {"fields": ["email", ("first_name", "last_name"), *consent, *sync]}),
        ]
        if self._may_edit(request, obj):
            definitions = self.editable_definitions()
            properties = [f"property_{one.pk}" for one in definitions]
            if obj is not None and obj.properties.keys() - {one.key for one in definitions}:
                properties.append("other_properties")
            if properties:
                sets.append((_("Properties"), {"fields": properties}))
            sets.append((_("Segments and topics"), {"fields": [SEGMENTS, TOPICS]}))
        else:
            sets.append((None, {"fields": ["property_list", "segment_list", "topic_list"]}))
        if obj is not None:
            sets.append((_("Consent history"), {"fields": ["consent_history"]}))
            facts = [*FACTS, "deep_checked_at", "suppressed"]
            sets.append((_("At Resend"), {"fields": facts, "classes": ["collapse"]}))
        return sets

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        contact: Any = self.get_object(request, object_id) if object_id else None
        buttons = self.buttons(request, contact) if contact is not None else []
        extra_context = {**(extra_context or {}), "buttons": buttons}
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
        several = self.admin_site.admin_view(self.several_view)
        return [
            path("<int:object_id>/opt-in/", view, name="django_resend_contact_opt_in"),
            path("several/", several, name="django_resend_contact_several"),
            *self.button_urls(),
            *super().get_urls(),
        ]

    def several_view(self, request: HttpRequest) -> HttpResponse:
        return several_view(self, request)

    def opt_in_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return opt_in_view(self, request, object_id)

    def _may_edit(self, request: HttpRequest, obj: Any) -> bool:
        if obj is None:
            return self.has_add_permission(request)
        return self.has_change_permission(request, obj)

    def editable_definitions(self) -> list[ContactProperty]:
        return editable(ContactProperty.objects.order_by("key"))
