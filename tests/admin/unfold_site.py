"""A site whose admin is unfold's: opens our pages and names those that don't answer as they should.

A program of its own, for the apps of a site are chosen once. Run by test_unfold.py.
"""

from __future__ import annotations

import sys
from typing import Any

import django
from django.conf import settings

from tests import settings as base


def set_up() -> None:
    names = {name: getattr(base, name) for name in dir(base) if name.isupper()}
    names["INSTALLED_APPS"] = ["unfold", *base.INSTALLED_APPS]
    names["DATABASES"] = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    }
    names["ROOT_URLCONF"] = "tests.admin.urls"
    names["ALLOWED_HOSTS"] = ["testserver"]
    settings.configure(**names)
    django.setup()


def main() -> int:
    set_up()
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    from unfold.admin import ModelAdmin  # type: ignore[import-not-found,unused-ignore]

    from django_resend.admin import ContactAdmin
    from django_resend.models import Contact, Segment

    call_command("migrate", verbosity=0)
    admin.site.unregister(Contact)
    admin.site.register(Contact, type("Ours", (ContactAdmin, ModelAdmin), {}))
    client = Client()
    client.force_login(User.objects.create_superuser("marta"))
    contact = Contact.objects.create(email="ada@example.org")
    Segment.objects.create(name="Friends")
    app = "/admin/django_resend/"
    wrong = []

    def look(name: str, answer: Any, words: str) -> Any:
        if answer.status_code != 200 or words not in answer.content.decode():
            wrong.append(f"{name}: {answer.status_code}, without {words!r}")
        return answer

    look("list", client.get(f"{app}contact/"), "ada@example.org")
    look("contact", client.get(f"{app}contact/{contact.pk}/change/"), "Friends")
    look("several", client.get(f"{app}contact/several/"), "Addresses")
    look("sync", client.get(f"{app}syncrun/overview/"), "All is well.")
    look("index", client.get(app), "Sync: is it healthy?")
    look("outbox", client.get(f"{app}outboxentry/"), "ada@example.org")
    chosen = {"action": "unsubscribe", "_selected_action": contact.pk}
    look("confirm", client.post(f"{app}contact/", chosen), "Unsubscribe them")
    answer = client.post(f"{app}contact/", {**chosen, "confirmed": 1}, follow=True)
    look("job", answer, "0 of 1")
    print("\n".join(wrong))
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
