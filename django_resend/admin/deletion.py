"""Deleting many contacts: Django's own action would list every one of them on the page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import DELETION
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..conf import resend_settings
from ..models.bulk import delete_contacts
from .bases import ModelAdmin
from .confirm import Page, confirm, is_confirmed, log_action
from .price import price


class DeleteAction(ModelAdmin):
    """Takes the place of Django's action of the same name."""

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete…"))
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        count = queryset.count()
        if is_confirmed(request, count):
            deleted = delete_contacts(queryset).changed
            log_action(self, request, count=deleted, what=_("Deleted"), flag=DELETION)
            sentence = ngettext("%d contact deleted.", "%d contacts deleted.", deleted) % deleted
            self.message_user(request, sentence, messages.SUCCESS)
            return None
        lines = [
            _("Their segments, topics and properties go with them."),
            _("Opt-outs are remembered: a person who comes back stays opted out."),
        ]
        if resend_settings.may_push:
            lines.append(_("They are deleted at Resend too, in the background: %s.") % price(count))
        page = Page(
            action="delete_selected",
            title=_("Delete contacts"),
            button=_("Delete them"),
            lines=lines,
            form=forms.Form(),
            destructive=True,
        )
        return confirm(self, request, page, count=count)
