"""What the API tests share: addresses, row types, and lists read in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rest_framework.test import APIClient

from django_resend.models import Contact

ContactMaker = Callable[[int], Sequence[Contact]]
UserMaker = Callable[..., APIClient]

ROOT = "/mailing/v1/"


def listed(client: APIClient, path: str, **query: Any) -> list[Any]:
    """The rows of the first page."""
    response = client.get(ROOT + path, query)
    assert response.status_code == 200, response.content
    rows: list[Any] = response.json()["results"]
    return rows


def emails(client: APIClient, **query: Any) -> list[str]:
    return [row["email"] for row in listed(client, "contacts/", **query)]
