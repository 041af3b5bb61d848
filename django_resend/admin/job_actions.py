"""Actions on many contacts: a page that says what will happen, then a job and its progress."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.models import CHANGE
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..conf import resend_settings
from ..models import Kind, OutboxEntry, Suppression
from ..sync.jobs import queue
from ..sync.jobs.selection import pack_selection
from .bases import ModelAdmin
from .confirm import CONFIRMED, Page, Text, confirm, is_confirmed, log_action
from .job_pages import progress_url
from .price import price


class JobAction:
    """One action: its words, its form, and the operation that a job does with the selected."""

    operation: ClassVar[str]
    title: ClassVar[Text]
    button: ClassVar[Text]
    rules: ClassVar[list[Text]] = []
    destructive: ClassVar[bool] = False
    flag: ClassVar[int] = CHANGE

    def form(self, data: Any, contacts: QuerySet[Any]) -> forms.Form:
        """What the person must choose; ``data`` is ``None`` until they have."""
        return forms.Form(data)

    def arguments(self, form: forms.Form) -> dict[str, Any]:
        """What the operation needs besides the selection."""
        return {}

    def summary(self, form: forms.Form) -> str:
        """For the admin's log: what was chosen."""
        return ""

    def facts(self, contacts: QuerySet[Any], count: int) -> list[Text]:
        """What will happen to how many, who is left out and why, and what it costs."""
        return []

    def hindrance(self) -> Text:
        """Why it can't be done at all."""
        return ""


def perform(
    model_admin: ModelAdmin,
    request: HttpRequest,
    contacts: QuerySet[Any],
    name: str,
    action: JobAction,
) -> HttpResponse:
    """Ask first; once confirmed, queue the job and show its progress."""
    contacts = contacts.order_by()
    selection: dict[str, Any] = {}
    if CONFIRMED in request.POST:
        selection = pack_selection(contacts.values_list("pk", flat=True).iterator(10_000))
    count = selection["count"] if selection else contacts.count()
    confirmed = is_confirmed(request, count)
    form = action.form(request.POST if confirmed else None, contacts)
    hindrance = action.hindrance()
    if confirmed and not hindrance and form.is_valid():
        arguments = {**selection, **action.arguments(form)}
        job = queue(action.operation, arguments, by=request.user, total=count)
        what = ": ".join(str(part) for part in (action.title, action.summary(form)) if part)
        log_action(model_admin, request, count=count, what=what, flag=action.flag)
        return HttpResponseRedirect(progress_url(model_admin, job))
    page = Page(
        action=name,
        title=action.title,
        button=action.button,
        lines=[*action.rules, *(() if hindrance else action.facts(contacts, count))],
        form=form,
        hindrance=hindrance,
        destructive=action.destructive,
    )
    return confirm(model_admin, request, page, count=count)


def delivery(calls: int, *, each: bool = False) -> Text:
    """How the change gets to Resend, and the most it costs."""
    if not resend_settings.may_push:
        return _("This site only pulls: the change stays here and does not reach Resend.")
    if each:
        sentence = _("The change is sent to Resend in the background: %s for each one you choose.")
    else:
        sentence = _("The change is sent to Resend in the background: %s.")
    return sentence % price(calls)


def refused_before(contacts: QuerySet[Any]) -> list[Text]:
    """Tells of those whose last change Resend refused."""
    count = entries_of(contacts).filter(state=OutboxEntry.State.REFUSED).count()
    if not count:
        return []
    sentence = ngettext(
        "Resend refused an earlier change of %d of them: it is tried again together with this one.",
        "Resend refused earlier changes of %d of them: they are tried again together with this "
        "one.",
        count,
    )
    return [sentence % count]


def unsubscribed_among(contacts: QuerySet[Any]) -> list[Text]:
    """Tells of those whom no broadcast reaches, whatever is changed."""
    count = contacts.filter(unsubscribed=True).count()
    if not count:
        return []
    sentence = ngettext(
        "%d of them has unsubscribed from all broadcasts and gets none all the same.",
        "%d of them have unsubscribed from all broadcasts and get none all the same.",
        count,
    )
    return [sentence % count]


def suppressed_among(contacts: QuerySet[Any]) -> list[Text]:
    """Tells of those whose address Resend sends nothing to."""
    suppressed = Suppression.objects.exclude(suppressed_at=None)
    count = suppressed.filter(email_key__in=contacts.values("email_key")).count()
    if not count:
        return []
    sentence = ngettext(
        "%d of them is suppressed: Resend sends nothing to the address.",
        "%d of them are suppressed: Resend sends nothing to their addresses.",
        count,
    )
    return [sentence % count]


def entries_of(contacts: QuerySet[Any]) -> QuerySet[OutboxEntry]:
    return OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id__in=contacts.values("pk"))
