"""Runs inside the fresh project of check_wheel.py, with that project's Python.

`fill URL` puts one of each object into the fake Resend at URL; `visit` opens every page that the
app brings after they were pulled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import django
import requests

HEADERS = {"Authorization": "Bearer re_test", "User-Agent": "check-wheel/1"}


def fill(url: str) -> None:
    def post(path: str, **body: object) -> str:
        reply = requests.post(f"{url}{path}", json=body, headers=HEADERS, timeout=10)
        reply.raise_for_status()
        return str(reply.json()["id"])

    segment = post("/segments", name="Readers")
    topic = post("/topics", name="News", default_subscription="opt_in")
    post("/contact-properties", key="plan", type="string", fallback_value="free")
    post(
        "/contacts",
        email="ada@example.org",
        unsubscribed=False,
        properties={"plan": "pro"},
        segments=[{"id": segment}],
        topics=[{"id": topic, "subscription": "opt_out"}],
    )


def admin_pages() -> Iterator[str]:
    """The address of every page our models have in the admin."""
    from django.contrib import admin
    from django.urls import reverse

    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != "django_resend":
            continue
        rows = list(model._default_manager.all()[:1])
        for pattern in model_admin.get_urls():
            if not pattern.name:
                continue
            groups = pattern.pattern.regex.groups
            if groups == 0:
                yield reverse(f"admin:{pattern.name}")
            elif groups == 1 and rows:
                yield reverse(f"admin:{pattern.name}", args=[rows[0].pk])


def visit() -> None:
    from django.contrib.auth.models import User
    from django.test import Client

    from django_resend.models import Contact

    contact = Contact.objects.get()
    assert contact.email == "ada@example.org", contact.email
    assert contact.properties == {"plan": "pro"}, contact.properties
    assert [segment.name for segment in contact.segments.all()] == ["Readers"]

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("admin"))
    pages = ["/admin/", "/admin/django_resend/", *admin_pages()]
    assert len(pages) > 2, "The app has no pages in the admin"
    pages += [f"/api/{name}/" for name in ("contacts", "segments", "properties", "topics")]
    for page in pages:
        status = client.get(page).status_code
        print(status, page)
        # 403: rows nobody may add or delete by hand; 405: pages that only take a POST; 404: the
        # steps of an import, without a file.
        expected = (200, 302, 403, 404, 405) if "/import/" in page else (200, 302, 403, 405)
        assert status in expected, f"{page} answered {status}"


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "site1.settings"
    django.setup()
    if sys.argv[1] == "fill":
        fill(sys.argv[2])
    else:
        visit()
