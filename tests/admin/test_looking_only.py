"""Whoever may only look changes nothing, whatever address of the admin they post to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from django_resend.models import (
    ConsentRecord,
    Contact,
    ContactProperty,
    Job,
    Kind,
    OutboxEntry,
    Segment,
    SyncRun,
    Topic,
    WebhookEvent,
)
from django_resend.sync.jobs import queue
from django_resend.sync.jobs.selection import pack_selection

from .conftest import ContactMaker

MODELS = list(apps.get_app_config("django_resend").get_models())
ANSWERS = {
    "post": "yes",
    "confirmed": "99",
    "chosen": "1",
    "what": "all",
    "reason": "None",
    "addresses": "new@example.org",
    "_save": "Save",
    "email": "other@example.org",
    "first_name": "Other",
    "name": "Other",
    "property": "1",
    "value": "x",
}


def addresses() -> Iterator[str]:
    """Every address of our part of the admin, for the first row where it needs one."""
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != "django_resend":
            continue
        first = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
        for pattern in model_admin.get_urls():
            if pattern.name:
                arguments = dict.fromkeys(pattern.pattern.converters, first)
                if "operation" in arguments:
                    arguments["operation"] = "pull"
                yield reverse(f"admin:{pattern.name}", kwargs=arguments)


def stored() -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {
        model.__name__: list(model._base_manager.order_by("pk").values()) for model in MODELS
    }
    # Looking is enough to export, and the log tells who did.
    log = LogEntry.objects.exclude(change_message="Export as CSV")
    return {**rows, "log": list(log.values())}


@pytest.fixture
def looker(db: None) -> Client:
    user = User.objects.create_user("nils", is_staff=True)
    views = Permission.objects.filter(
        content_type__app_label="django_resend", codename__startswith="view_"
    )
    user.user_permissions.set(views)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def rows(make_contacts: ContactMaker) -> None:
    contact = make_contacts(1)[0]
    contact.unsubscribed = True
    contact.save()
    contact.segments.add(Segment.objects.create(name="Friends"))
    contact.opt_out(Topic.objects.create(name="News", default_subscription="opt_in"))
    ContactProperty.objects.create(key="city")
    OutboxEntry.objects.filter(kind=Kind.CONTACT).update(state="refused")
    SyncRun.objects.create(action="pull", state="done")
    WebhookEvent.objects.create(message_id="m", type="contact.updated", payload={}, state="failed")
    other = User.objects.create_user("marta")
    queue("unsubscribe", pack_selection([contact.pk]), by=other)
    ConsentRecord.objects.create(contact_id=contact.pk, email=contact.email, by="x", reason="y")


def test_no_address_changes_anything(looker: Client, rows: None) -> None:
    before = stored()
    tried = list(addresses())
    assert len(tried) > 40

    for address in tried:
        looker.get(address)
        looker.post(address, ANSWERS)

    assert stored() == before


def test_no_action_changes_anything(looker: Client, rows: None) -> None:
    before = stored()
    tried = 0
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != "django_resend":
            continue
        address = reverse(f"admin:django_resend_{model._meta.model_name}_changelist")
        for action in model_admin.actions or ["delete_selected"]:
            name = action if isinstance(action, str) else action.__name__
            for across in ("0", "1"):
                looker.post(
                    address,
                    {
                        **{key: value for key, value in ANSWERS.items() if key != "_save"},
                        "action": name,
                        "select_across": across,
                        "_selected_action": model._default_manager.values_list("pk", flat=True)[:1],
                    },
                )
                tried += 1

    assert tried > 30
    assert stored() == before
    assert Contact.objects.get().unsubscribed
    assert Job.objects.get().state == "waiting"
