"""Opting one person in again: a page of its own, because who did it and why must be recorded."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ..models import Contact, Subscription, Topic
from .bases import ModelAdmin

ALL_BROADCASTS = "all"


def has_opted_out(contact: Contact) -> bool:
    """Whether the stored contact has any opt-out to take back."""
    return contact.unsubscribed or _refused_topics(contact).exists()


class OptInForm(forms.Form):
    """Which opt-outs to take back, and the reason that goes into the consent log."""

    what = forms.MultipleChoiceField(
        label=_("Opt in again to"), widget=forms.CheckboxSelectMultiple
    )
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("How the person asked for it, for example “asked by phone”. Kept for good."),
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
    )

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.topics = {str(topic.pk): topic for topic in _refused_topics(contact)}
        everything = [(ALL_BROADCASTS, _("all broadcasts"))] if contact.unsubscribed else []
        topics = [(pk, topic.name) for pk, topic in self.topics.items()]
        self.fields["what"].choices = [*everything, *topics]  # type: ignore[attr-defined]


def opt_in_view(model_admin: ModelAdmin, request: HttpRequest, object_id: int) -> HttpResponse:
    contact = model_admin.get_object(request, str(object_id))
    if contact is None:
        raise Http404
    if not model_admin.has_change_permission(request, contact):
        raise PermissionDenied
    back = reverse(f"{model_admin.admin_site.name}:django_resend_contact_change", args=[contact.pk])
    if not has_opted_out(contact):
        model_admin.message_user(request, _("This person has not opted out."), messages.INFO)
        return HttpResponseRedirect(back)
    form = OptInForm(request.POST or None, contact=contact)
    if request.method == "POST" and form.is_valid():
        _opt_in(model_admin, request, contact, form)
        return HttpResponseRedirect(back)
    request.current_app = model_admin.admin_site.name
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Opt in again"),
        "subtitle": str(contact),
        "opts": model_admin.opts,
        "form": form,
        "contact": contact,
        "back": back,
    }
    return TemplateResponse(request, "django_resend/admin/opt_in.html", context)


def _opt_in(
    model_admin: ModelAdmin, request: HttpRequest, contact: Contact, form: OptInForm
) -> None:
    by = request.user.get_username()
    reason = form.cleaned_data["reason"]
    chosen = form.cleaned_data["what"]
    labels = dict(form.fields["what"].choices)  # type: ignore[attr-defined]
    with transaction.atomic():
        for what in chosen:
            if what == ALL_BROADCASTS:
                contact.resubscribe(by=by, reason=reason)
            else:
                contact.opt_in(form.topics[what], by=by, reason=reason)
        names = ", ".join(str(labels[what]) for what in chosen)
        sentence = _("Opted in again to: %s.") % names
        model_admin.log_change(request, contact, sentence)
    model_admin.message_user(request, sentence, messages.SUCCESS)


def _refused_topics(contact: Contact) -> Any:
    refusals = contact.topicsubscription_set.filter(subscription=Subscription.OPT_OUT)
    return Topic.objects.filter(pk__in=refusals.values("topic")).order_by("name")
