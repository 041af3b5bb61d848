"""The page between an action and its effect: what is selected, what will happen, what to choose.

The page posts to the address of the list it came from, query string and all. So "all 50,000" stays
one word: the filter is applied again, and no keys travel through the browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import ngettext

from .bases import ModelAdmin

CONFIRMED = "confirmed"

Text = str | Promise


@dataclass(frozen=True)
class Page:
    """What the person reads before the button with ``button`` on it does anything.

    ``hindrance`` tells why there is nothing to confirm; the button is left out then.
    """

    action: str
    title: Text
    button: Text
    lines: Sequence[Text]
    form: forms.Form
    hindrance: Text = ""
    destructive: bool = False


def is_confirmed(request: HttpRequest, count: int) -> bool:
    """Whether the button was pressed on a page that named at least so many contacts.

    The filter is applied again, and may find more by now: those were not confirmed.
    """
    confirmed = request.POST.get(CONFIRMED, "")
    return confirmed.isdecimal() and int(confirmed) >= count


def confirm(
    model_admin: ModelAdmin, request: HttpRequest, page: Page, *, count: int
) -> TemplateResponse:
    request.current_app = model_admin.admin_site.name
    across = request.POST.get("select_across", "0")
    selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": page.title,
        "opts": model_admin.opts,
        "page": page,
        "count": count,
        "grown": CONFIRMED in request.POST and not is_confirmed(request, count),
        "back": request.get_full_path(),
        "hidden": [
            ("action", page.action),
            ("select_across", across),
            # Django asks for one selected row also where all are meant.
            *((ACTION_CHECKBOX_NAME, pk) for pk in (selected[:1] if across == "1" else selected)),
            (CONFIRMED, count),
        ],
    }
    return TemplateResponse(request, "django_resend/admin/confirm.html", context)


def log_action(
    model_admin: ModelAdmin, request: HttpRequest, *, count: int, what: str, flag: int = CHANGE
) -> None:
    """One line in the admin's log, however many contacts the action met."""
    LogEntry.objects.create(
        user_id=cast(int, request.user.pk),
        content_type=ContentType.objects.get_for_model(model_admin.model),
        object_repr=ngettext("%d contact", "%d contacts", count) % count,
        action_flag=flag,
        change_message=what,
    )
