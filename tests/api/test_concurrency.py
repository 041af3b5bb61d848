"""Requests that come at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connection
from rest_framework.test import APIClient

from django_resend.models import Contact, ContactProperty

from .helpers import ROOT


@pytest.mark.usefixtures("transactional_db", "writable")
def test_two_clients_that_change_one_contact_lose_nothing() -> None:
    """Each counts up a property of its own; properties share one column."""
    contact = Contact.objects.create(email="ada@example.org")
    user = User.objects.create_superuser("grace")
    together = Barrier(2)

    def count_up(key: str) -> None:
        client = APIClient()
        client.force_authenticate(user)
        together.wait()
        for number in range(1, 16):
            body = {"properties": {key: number}}
            answer = client.patch(f"{ROOT}contacts/{contact.pk}/", body, format="json")
            assert answer.json()["properties"][key] == number
        connection.close()

    for key in ("logins", "orders"):
        ContactProperty.objects.create(key=key, type="number")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(count_up, ("logins", "orders")))

    contact.refresh_from_db()
    assert contact.properties == {"logins": 15, "orders": 15}
