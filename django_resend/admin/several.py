"""Adding several addresses at once, one a line, with a verdict on each before anything is saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import Contact, Kind, Segment, SegmentMembership, Tombstone, email_key
from .bases import ModelAdmin, MultipleChoiceField
from .confirm import log_action

MOST_LINES = 1000


class Verdict(models.TextChoices):
    NEW = "new", gettext_lazy("new")
    RETURNS = "returns", gettext_lazy("new; had opted out before and stays opted out")
    KNOWN = "known", gettext_lazy("here already")
    TWICE = "twice", gettext_lazy("stands here twice")
    MALFORMED = "malformed", gettext_lazy("no e-mail address")


ADDED = (Verdict.NEW, Verdict.RETURNS)


class Line(NamedTuple):
    number: int
    text: str
    verdict: Verdict
    contact: int | None = None


class SeveralForm(forms.Form):
    addresses = forms.CharField(
        label=gettext_lazy("Addresses"),
        help_text=gettext_lazy("One a line."),
        widget=forms.Textarea(attrs={"rows": 12, "class": "vLargeTextField"}),
    )
    segments = MultipleChoiceField(
        Segment.objects.order_by("name", "pk"),
        label=gettext_lazy("Add them to segments"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_addresses(self) -> str:
        text: str = self.cleaned_data["addresses"]
        if len(text.splitlines()) > MOST_LINES:
            raise ValidationError(
                _("At most %d lines at once. For more, import a CSV file.") % MOST_LINES
            )
        return text


def verdicts(text: str) -> list[Line]:
    """A verdict on each line that isn't empty; two queries, however many lines."""
    written = [
        (number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()
    ]
    keys = {email_key(address) for _number, address in written}
    known = dict(Contact.objects.filter(email_key__in=keys).values_list("email_key", "pk"))
    graves = Tombstone.objects.filter(kind=Kind.CONTACT, email_key__in=keys).exclude(
        unsubscribed=False, topic_opt_outs=[]
    )
    returning = set(graves.values_list("email_key", flat=True))
    return list(_judged(written, known, returning))


def _judged(
    written: list[tuple[int, str]], known: dict[str, int], returning: set[str]
) -> Iterator[Line]:
    met: set[str] = set()
    for number, address in written:
        key = email_key(address)
        if not _is_address(address):
            yield Line(number, address, Verdict.MALFORMED)
        elif key in known:
            yield Line(number, address, Verdict.KNOWN, known[key])
        elif key in met:
            yield Line(number, address, Verdict.TWICE)
        else:
            yield Line(number, address, Verdict.RETURNS if key in returning else Verdict.NEW)
        met.add(key)


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def several_view(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    form = SeveralForm(request.POST or None)
    lines: list[Line] = []
    if request.method == "POST" and form.is_valid():
        lines = verdicts(form.cleaned_data["addresses"])
        if "_save" in request.POST:
            return _save(model_admin, request, form, lines)
    request.current_app = model_admin.admin_site.name
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": _("Add several contacts"),
        "opts": model_admin.opts,
        "form": form,
        "lines": lines,
        "new": sum(line.verdict in ADDED for line in lines),
        "site_name": model_admin.admin_site.name,
    }
    return TemplateResponse(request, "django_resend/admin/several.html", context)


def _save(
    model_admin: ModelAdmin, request: HttpRequest, form: SeveralForm, lines: list[Line]
) -> HttpResponse:
    addresses = [line.text for line in lines if line.verdict in ADDED]
    with transaction.atomic():
        created = Contact.objects.bulk_create(
            (Contact(email=address) for address in addresses), ignore_conflicts=True
        )
        keys = [contact.email_key for contact in created]
        pks = list(Contact.objects.filter(email_key__in=keys).values_list("pk", flat=True))
        SegmentMembership.objects.bulk_create(
            SegmentMembership(contact_id=pk, segment=segment)
            for segment in form.cleaned_data["segments"]
            for pk in pks
        )
        log_action(model_admin, request, count=len(pks), what=_("Added by address"), flag=ADDITION)
    sentence = ngettext("%d contact was added.", "%d contacts were added.", len(pks)) % len(pks)
    model_admin.message_user(request, sentence, messages.SUCCESS)
    name = f"{model_admin.admin_site.name}:django_resend_contact_changelist"
    return HttpResponseRedirect(reverse(name))
