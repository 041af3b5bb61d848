"""The bookkeeping, to be read: outbox, runs, events, tombstones, consent log, call budget."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, OuterRef, QuerySet, Subquery, TextField, When
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import (
    CallBudget,
    ConflictRecord,
    ConsentRecord,
    Contact,
    ContactProperty,
    Kind,
    OutboxEntry,
    Segment,
    SyncRun,
    Tombstone,
    Topic,
    WebhookEvent,
    email_key,
)
from ..sync.events import reopen
from ..sync.jobs import queue
from ..sync.limiter import UNLIMITED, read_usage
from ..tasks import ask_for_events
from .bases import ModelAdmin
from .job_pages import progress_url
from .sync_page import SyncPage
from .sync_state import SyncState, badge

MODELS: dict[str, tuple[type[Any], str]] = {
    Kind.CONTACT: (Contact, "email"),
    Kind.SEGMENT: (Segment, "name"),
    Kind.TOPIC: (Topic, "name"),
    Kind.PROPERTY: (ContactProperty, "key"),
}


def change_link(model_admin: ModelAdmin, model: type[Any], pk: int | None, text: str) -> Any:
    """A link to the object's page; plain text where it is gone."""
    if pk is None:
        return text
    name = f"{model_admin.admin_site.name}:{model._meta.app_label}_{model._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(name, args=[pk]), text)


class ReadOnlyAdmin(ModelAdmin):
    show_full_result_count = False

    class Media:
        css = {"all": ["django_resend/admin.css"]}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        label = f"{self.opts.app_label}.%s_{self.opts.model_name}"
        return request.user.has_perm(label % "view") or request.user.has_perm(label % "change")


class ByObjectAdmin(ReadOnlyAdmin):
    """Rows about a mirrored object, by kind and key, with its name read in the same query."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        names = [
            When(kind=kind, then=Cast(Subquery(named(model, field)), TextField()))
            for kind, (model, field) in MODELS.items()
        ]
        rows: QuerySet[Any] = super().get_queryset(request).annotate(name=Case(*names))
        return rows

    @admin.display(description=_("object"))
    def object(self, obj: Any) -> Any:
        model, _field = MODELS[obj.kind]
        pk = obj.object_id if obj.name is not None else None
        return change_link(self, model, pk, obj.name or self.name_of_departed(obj))

    def name_of_departed(self, obj: Any) -> str:
        return f"#{obj.object_id}"


def named(model: type[Any], field: str) -> QuerySet[Any]:
    rows: QuerySet[Any] = model._default_manager.filter(pk=OuterRef("object_id"))
    return rows.values(field)[:1]


@admin.register(OutboxEntry)
class OutboxAdmin(ByObjectAdmin):
    list_display = ["object", "badge", "error", "kind", "wish", "changed_at", "attempts"]
    list_display_links = ["badge"]
    list_filter = ["state", "kind"]
    fields = [
        "object",
        "kind",
        "wish",
        "badge",
        "changed_at",
        "attempts",
        "next_attempt_at",
        "error_status",
        "error_name",
        "error_message",
    ]
    ordering = ["-pk"]
    actions = ["try_again"]

    def name_of_departed(self, obj: Any) -> str:
        return obj.remote_id or super().name_of_departed(obj)

    @admin.display(description=_("to do"), ordering="remote_id")
    def wish(self, obj: Any) -> str:
        return gettext("delete") if obj.is_deletion else gettext("send")

    @admin.display(description=_("state"), ordering="state")
    def badge(self, obj: Any) -> Any:
        return badge(SyncState(obj.state))

    @admin.display(description=_("what Resend said"))
    def error(self, obj: Any) -> str:
        status = str(obj.error_status or "")
        return " ".join(part for part in (status, obj.error_name, obj.error_message) if part)

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_resend.change_outboxentry")

    @admin.action(permissions=["try_again"], description=_("Try again"))
    def try_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        entries = OutboxEntry.objects.filter(pk__in=queryset.order_by().values("pk"))
        due = OutboxEntry.objects.make_due(entries)
        sentence = ngettext("%d change is due now.", "%d changes are due now.", due) % due
        self.message_user(request, sentence, messages.SUCCESS)
        return HttpResponseRedirect(progress_url(self, queue("push", {}, by=request.user)))


@admin.register(ConflictRecord)
class ConflictAdmin(ByObjectAdmin):
    list_display = ["object", "recorded_at", "field", "local_value", "remote_value", "winner"]
    list_display_links = ["recorded_at"]
    list_filter = ["kind", "winner", "reason"]
    fields = [
        "object",
        "kind",
        "field",
        "local_value",
        "remote_value",
        "winner",
        "reason",
        "recorded_at",
    ]
    ordering = ["-pk"]


@admin.register(SyncRun)
class SyncRunAdmin(SyncPage, ReadOnlyAdmin):
    change_list_template = "django_resend/admin/run_list.html"
    list_display = [
        "started_at",
        "action",
        "state",
        "stage",
        "calls",
        "planned_calls",
        "seconds",
        "message",
    ]
    list_filter = ["action", "state"]
    readonly_fields = ["seconds"]
    ordering = ["-pk"]

    def get_urls(self) -> list[URLPattern]:
        return [*self.sync_urls(), *super().get_urls()]

    @admin.display(description=_("seconds"))
    def seconds(self, obj: SyncRun) -> str | None:
        """From its begin to its end, pauses included."""
        if obj.finished_at is None:
            return None
        return f"{(obj.finished_at - obj.started_at).total_seconds():.1f}"


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "type", "about", "state", "attempts", "error"]
    list_filter = ["state", "type"]
    search_fields = ["message_id"]
    actions = ["apply_again"]
    fields = [
        "message_id",
        "type",
        "about",
        "state",
        "error",
        "attempts",
        "next_attempt_at",
        "happened_at",
        "received_at",
        "applied_at",
        "payload",
    ]
    ordering = ["-pk"]

    @admin.display(description=_("about"))
    def about(self, obj: Any) -> Any:
        """The event's address, as a link that searches for it: costs no query a row."""
        data = obj.payload.get("data") if isinstance(obj.payload, dict) else None
        address = data.get("email") if isinstance(data, dict) else None
        if not isinstance(address, str):
            return self.get_empty_value_display()
        name = f"{self.admin_site.name}:django_resend_contact_changelist"
        return format_html('<a href="{}">{}</a>', reverse(name, query={"q": address}), address)

    def has_apply_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_resend.change_webhookevent")

    @admin.action(permissions=["apply_again"], description=_("Apply again"))
    def apply_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        events = WebhookEvent.objects.filter(pk__in=queryset.order_by().values("pk"))
        due = reopen(events)
        sentence = ngettext("%d event is due now.", "%d events are due now.", due) % due
        ask_for_events()
        self.message_user(request, sentence)


class ByAddressAdmin(ReadOnlyAdmin):
    """Rows that outlive their contact: linked to whoever has the address now."""

    search_fields = ["email_key"]
    search_help_text = _("The beginning of an address.")
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        contact = Contact.objects.filter(email_key=OuterRef("email_key")).values("pk")[:1]
        rows = super().get_queryset(request)
        annotated: QuerySet[Any] = rows.annotate(contact_pk=Subquery(contact))
        return annotated

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term.strip():
            queryset = queryset.filter(email_key__startswith=email_key(search_term))
        return queryset, False

    @admin.display(description=_("contact"), ordering="email_key")
    def contact(self, obj: Any) -> Any:
        return change_link(self, Contact, obj.contact_pk, obj.email or str(obj))


@admin.register(Tombstone)
class TombstoneAdmin(ByAddressAdmin):
    list_display = ["contact", "deleted_at", "kind", "origin", "unsubscribed", "settled_at"]
    list_display_links = ["deleted_at"]
    list_filter = ["kind", "origin", "unsubscribed"]


@admin.register(ConsentRecord)
class ConsentRecordAdmin(ByAddressAdmin):
    list_display = ["contact", "recorded_at", "what", "by", "reason", "used_at"]
    list_display_links = ["recorded_at"]

    @admin.display(description=_("opted in to"), ordering="topic_name")
    def what(self, obj: Any) -> str:
        return obj.topic_name or gettext("all broadcasts")


BUDGET_FIELDS = ["limit_told", "kept_free", "rate", "last_minute", "today"]


@admin.register(CallBudget)
class CallBudgetAdmin(ReadOnlyAdmin):
    """The budget as its store has it, which need not be this row."""

    list_display = ["team", "paused_until"]
    fields = [*BUDGET_FIELDS, "paused_until"]
    readonly_fields = BUDGET_FIELDS

    def get_object(self, *args: Any, **kwargs: Any) -> Any:
        found: Any = super().get_object(*args, **kwargs)
        if found is not None:
            found.usage = read_usage()
        return found

    @admin.display(description=_("the team's calls a second"))
    def limit_told(self, obj: Any) -> float | None:
        limit: float | None = obj.usage.limit
        return limit

    @admin.display(description=_("of those kept free"))
    def kept_free(self, obj: Any) -> str:
        return f"{obj.usage.kept_free:.1f}"

    @admin.display(description=_("calls a second now"))
    def rate(self, obj: Any) -> str:
        return gettext("no limit") if obj.usage.rate >= UNLIMITED else f"{obj.usage.rate:.1f}"

    @admin.display(description=_("calls in the last minute"))
    def last_minute(self, obj: Any) -> str:
        return f"{obj.usage.calls_last_minute} ({obj.usage.used:.0%})"

    @admin.display(description=_("calls today"))
    def today(self, obj: Any) -> int:
        return int(obj.usage.calls_today)
