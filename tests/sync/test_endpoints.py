"""Which of the registered webhooks are ours, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from django_resend.client import Client, errors
from django_resend.sync.endpoints import check, endpoints, register
from django_resend.testing import FakeResend

from .helpers import client_of

pytestmark = pytest.mark.django_db

URL = "https://site.example/resend/webhook/"


@pytest.fixture
def client(resend_fake: FakeResend, settings: Any) -> Client:
    settings.RESEND = {**settings.RESEND, "WEBHOOK_SECRET": resend_fake.webhooks.secret}
    return client_of(resend_fake)


def test_ours_is_found_behind_a_hundred_others_and_not_registered_again(
    resend_fake: FakeResend, client: Client
) -> None:
    register(client, URL)
    for number in range(100):
        client.webhooks.create(f"https://other.example/{number}/", ["email.sent"])

    found = endpoints(client, URL)

    assert len(found) == 101
    assert [one.url for one in found if one.ours] == [URL]
    assert register(client, URL).existed
    assert len(list(resend_fake.team.store.webhooks)) == 101


def test_a_list_that_never_ends_is_told_and_nothing_is_registered(
    resend_fake: FakeResend, client: Client
) -> None:
    row = {"id": "w-1", "endpoint": "https://other.example/", "events": [], "status": "enabled"}
    again = {"data": [row], "has_more": True}
    resend_fake.faults.add("status", status=200, route="GET /webhooks", body=again, times=5)

    with pytest.raises(errors.BrokenWalk):
        register(client, URL)

    assert not list(resend_fake.team.store.webhooks)


def test_one_that_is_registered_twice_is_told(client: Client) -> None:
    for _time in range(2):
        client.webhooks.create(URL, ["email.sent"])

    ours, problems = check(client, URL)

    assert len(ours) == 2
    assert "registered 2 times" in problems[0]


def test_a_site_without_a_secret_is_told_also_where_nothing_is_registered(
    client: Client, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "WEBHOOK_SECRET": ""}

    _ours, problems = check(client, URL)

    assert "every webhook is refused" in problems[0]
    assert "No webhook is registered" in problems[1]
