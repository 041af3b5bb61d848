"""Clients of the API, and rows for it to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from django_resend.models import Contact

from .helpers import ContactMaker, UserMaker


@pytest.fixture(autouse=True)
def api_host(db: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.api.urls"


@pytest.fixture
def writable(settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "API_WRITABLE": True}


@pytest.fixture
def client() -> APIClient:
    """A client whose user may do everything."""
    client = APIClient()
    client.force_authenticate(User.objects.create_superuser("grace"))
    return client


@pytest.fixture
def user_with() -> UserMaker:
    """Makes a client whose user has just these permissions."""

    def make(*codenames: str) -> APIClient:
        user = User.objects.create_user("helen")
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        assert user.user_permissions.count() == len(codenames)
        client = APIClient()
        client.force_authenticate(user)
        return client

    return make


@pytest.fixture
def contact() -> Contact:
    return Contact.objects.create(email="Ada@Example.org", first_name="Ada")


@pytest.fixture
def contacts() -> ContactMaker:
    """Makes so many contacts, in bulk."""

    def make(count: int) -> Sequence[Contact]:
        Contact.objects.bulk_create(Contact(email=f"c{n:04}@example.org") for n in range(count))
        return list(Contact.objects.order_by("id"))

    return make
