"""Answers to what needed attention: seen, or the opt-outs stand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import Contact
from .bases import ModelAdmin
from .confirm import Page, confirm, is_confirmed, log_action

ATTENTION_ACTIONS = ["mark_seen", "keep_opted_out"]


class AttentionActions(ModelAdmin):
    """Both actions, for the admin of contacts."""

    @admin.action(permissions=["change"], description=gettext_lazy("Mark as seen…"))
    def mark_seen(self, request: HttpRequest, queryset: QuerySet[Contact]) -> Any:
        flagged, count = queryset.exclude(attention=""), queryset.count()
        if is_confirmed(request, count):
            log_action(self, request, count=count, what=_("Mark as seen"))
            self._tell(request, flagged.order_by().update(attention=""))
            return None
        page = Page(
            action="mark_seen",
            title=_("Mark as seen"),
            button=_("Mark as seen"),
            lines=[
                ngettext(
                    "%d of them needs attention; the flag is taken away and nothing else.",
                    "%d of them need attention; the flags are taken away and nothing else.",
                    flagged.count(),
                )
                % flagged.count()
            ],
            form=forms.Form(),
        )
        return confirm(self, request, page, count=count)

    @admin.action(permissions=["change"], description=gettext_lazy("Keep opted out…"))
    def keep_opted_out(self, request: HttpRequest, queryset: QuerySet[Contact]) -> Any:
        held, count = queryset.filter(attention=Contact.Attention.HELD), queryset.count()
        if is_confirmed(request, count):
            log_action(self, request, count=count, what=_("Keep opted out"))
            answered = list(held)
            for contact in answered:
                contact.keep_opted_out()
            self._tell(request, len(answered))
            return None
        page = Page(
            action="keep_opted_out",
            title=_("Keep opted out"),
            button=_("Keep opted out"),
            lines=[
                ngettext(
                    "%d of them opted in at Resend and waits for an answer. The opt-outs recorded "
                    "here stand, and Resend is told so.",
                    "%d of them opted in at Resend and wait for an answer. The opt-outs recorded "
                    "here stand, and Resend is told so.",
                    held.count(),
                )
                % held.count(),
                _("To follow such an opt-in instead, use “Opt in again” on the contact's page."),
            ],
            form=forms.Form(),
        )
        return confirm(self, request, page, count=count)

    def _tell(self, request: HttpRequest, answered: int) -> None:
        sentence = ngettext("%d contact was answered.", "%d contacts were answered.", answered)
        self.message_user(request, sentence % answered, messages.SUCCESS)
