"""The people who use the admin, and rows for it to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.contrib.auth.models import Permission, User
from django.test import Client

from django_resend.models import Contact, Segment, Topic

UserMaker = Callable[..., Client]
ContactMaker = Callable[..., list[Contact]]


@pytest.fixture(autouse=True)
def admin_host(db: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.admin.urls"


@pytest.fixture
def client() -> Client:
    """The browser of someone who may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("marta"))
    return client


@pytest.fixture
def client_with() -> UserMaker:
    """Makes the browser of a member of staff who has just these permissions."""

    def make(*codenames: str) -> Client:
        user = User.objects.create_user("nils", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        assert user.user_permissions.count() == len(codenames)
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def make_contacts() -> ContactMaker:
    """Makes so many contacts, known at Resend and in step."""

    def make(count: int, **values: Any) -> list[Contact]:
        start = Contact.objects.count()
        Contact.untracked.bulk_create(
            Contact(
                email=f"p{n:05}@example.org",
                email_key=f"p{n:05}@example.org",
                remote_id=f"c-{n}",
                **values,
            )
            for n in range(start, start + count)
        )
        return list(Contact.objects.order_by("pk")[start:])

    return make


@pytest.fixture
def contact(make_contacts: ContactMaker) -> Contact:
    return make_contacts(1, first_name="Ada")[0]


@pytest.fixture
def friends() -> Segment:
    return Segment.objects.create(name="Friends")


@pytest.fixture
def news() -> Topic:
    return Topic.objects.create(name="News", default_subscription="opt_in")


@pytest.fixture
def published() -> Iterator[list[str]]:
    """The names of the Celery tasks that were enqueued."""
    names: list[str] = []

    def note(sender: str, **kwargs: Any) -> None:
        names.append(sender)

    # Strongly: older Celery loses sight of its receivers once it has cleared a dead one away.
    before_task_publish.connect(note, weak=False)
    yield names
    before_task_publish.disconnect(note)
