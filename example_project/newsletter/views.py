"""Two public pages: what the mirror holds, and a form to join the newsletter."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from django_resend.models import Contact, OutboxEntry, Segment
from example_project.newsletter.forms import SignUpForm

SEGMENT = "Newsletter"


def home(request: HttpRequest) -> HttpResponse:
    counts = {
        _("Contacts"): Contact.objects.count(),
        _("of them unsubscribed"): Contact.objects.filter(unsubscribed=True).count(),
        _("Segments"): Segment.objects.count(),
        _("Changes waiting for Resend"): OutboxEntry.objects.count(),
    }
    return render(request, "newsletter/home.html", {"counts": counts})


def sign_up(request: HttpRequest) -> HttpResponse:
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        join(form.cleaned_data["email"], form.cleaned_data["first_name"])
        # The same words for everyone: a stranger must not learn who is on the list.
        messages.success(request, _("Thank you! You are on the list."))
        return redirect("newsletter:home")
    return render(request, "newsletter/sign_up.html", {"form": form})


@transaction.atomic
def join(email: str, first_name: str) -> None:
    """Put this address into the newsletter's segment.

    Someone who has unsubscribed stays so: anyone can type any address into a public form.
    """
    contact, _created = Contact.objects.for_address(email).get_or_create(
        defaults={"email": email, "first_name": first_name}
    )
    segment = Segment.objects.filter(name=SEGMENT).first() or Segment.objects.create(name=SEGMENT)
    contact.segments.add(segment)
