"""Push now and pull now: the engine is woken, nothing is sent inside the web request."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..conf import resend_settings
from ..models import Kind, OutboxEntry
from ..tasks import deep_pull, pull, push
from .bases import ModelAdmin
from .confirm import Page, confirm, is_confirmed, log_action
from .waking import wake

SYNC_ACTIONS = ["push_now", "pull_now"]


class SyncActions(ModelAdmin):
    """Both actions, for the admin of contacts."""

    @admin.action(permissions=["change"], description=gettext_lazy("Push now…"))
    def push_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        pks = queryset.order_by().values("pk")
        entries = OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id__in=pks)
        count = queryset.count()
        if is_confirmed(request, count) and resend_settings.may_push:
            due = make_due(entries)
            log_action(self, request, count=count, what=_("Push now"))
            sentence = ngettext("%d contact is due now.", "%d contacts are due now.", due) % due
            tell_waking(self, request, sentence, wake(push))
            return None
        waiting = entries.count()
        page = Page(
            action="push_now",
            title=_("Push now"),
            button=_("Push now"),
            lines=[
                ngettext(
                    "%d of them has a change that Resend has not confirmed; it is tried at once, "
                    "also if it was refused before.",
                    "%d of them have changes that Resend has not confirmed; they are tried at "
                    "once, also those refused before.",
                    waiting,
                )
                % waiting,
                _("Whatever else waits in the outbox is sent too, in its turn."),
            ],
            form=forms.Form(),
            hindrance="" if resend_settings.may_push else _("This site only pulls from Resend."),
        )
        return confirm(self, request, page, count=count)

    @admin.action(permissions=["change"], description=gettext_lazy("Pull now…"))
    def pull_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        count = queryset.count()
        if is_confirmed(request, count) and resend_settings.may_pull:
            log_action(self, request, count=count, what=_("Pull now"))
            tell_waking(self, request, _("A pull was asked for."), wake(pull, deep_pull))
            return None
        page = Page(
            action="pull_now",
            title=_("Pull now"),
            button=_("Pull now"),
            lines=[
                _("A pull reads all contacts, not only the selected ones."),
                _("Changes made here that still wait in the outbox are kept."),
            ],
            form=forms.Form(),
            hindrance="" if resend_settings.may_pull else _("This site only pushes to Resend."),
        )
        return confirm(self, request, page, count=count)


def make_due(entries: QuerySet[OutboxEntry]) -> int:
    """Have these entries tried at the next push; what Resend said last stays until then."""
    return entries.update(
        state=OutboxEntry.State.PENDING, attempts=0, next_attempt_at=timezone.now()
    )


def tell_waking(
    model_admin: ModelAdmin, request: HttpRequest, sentence: str, reached: bool
) -> None:
    if reached:
        text = _("%s It runs in the background; the sync runs show how it went.") % sentence
        model_admin.message_user(request, text, messages.SUCCESS)
    else:
        text = _(
            "%s The task queue can't be reached just now. Nothing is lost: the next periodic run "
            "takes it up."
        )
        model_admin.message_user(request, text % sentence, messages.WARNING)
