"""A fault, or the death of the process, at every call of a push by imports: the end is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.test import override_settings

from django_resend.client import Client, errors
from django_resend.models import Contact, ImportEntry, Segment, Topic, TopicSubscription
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from tests.sync.conftest import sleeps

from .edits import Expected, actual, furnish
from .test_faults import (
    FAULTS,
    KillAt,
    Killed,
    assert_converged,
    at_call,
    push_to_the_end,
    sampled,
)
from .witness import Witness

__all__ = ["sleeps"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sleeps"),
    pytest.mark.slow,
]

CALLS = 17
"""The calls of such a push where nothing goes wrong."""


@pytest.fixture
def fake(sleeps: list[float]) -> Iterator[Witness]:
    fake = Witness()
    with (
        fake.serve(),
        override_settings(
            RESEND={
                "API_KEY": "re_test",
                "BASE_URL": fake.url,
                "RATE_LIMIT": 0,
                "TIMEOUT": (1, 0.15),
                "BULK_THRESHOLD": 2,
            }
        ),
    ):
        fill(fake)
        yield fake
    fake.close()


def fill(fake: Witness) -> None:
    """Changes of each sort for several contacts: new ones, memberships, values, opt-outs."""
    furnish(fake)
    fake.dashboard.create_topic("Club", "opt_out")
    fake.dashboard.seed(contacts=8, domain="known.example.org")
    pull_all()
    people = list(Contact.objects.order_by("pk"))
    vip, offers, club = (
        Segment.objects.get(name="VIP"),
        Topic.objects.get(name="Offers"),
        Topic.objects.get(name="Club"),
    )
    vip.contacts.add(*people[:3])
    for person in people[3:6]:
        person.properties = {"plan": f"plan {person.pk}"}
        person.save()
    for person in people[6:]:
        person.unsubscribed = True
        person.save()
    new = [Contact(email=f"new{n}@example.org", first_name=f"New {n}") for n in range(6)]
    Contact.objects.bulk_create(new)
    vip.contacts.add(*new[:3])
    TopicSubscription.objects.bulk_create(
        TopicSubscription(contact=contact, topic=topic, subscription=choice)
        for contact in new[3:]
        for topic, choice in ((offers, "opt_out"), (club, "opt_in"))
    )
    fake.ledger.reset()
    fake.writes.clear()


def seen() -> Expected:
    """The mirror, of which the opt-ins to a topic nobody has by default are told too."""
    return actual()


def assert_all_is_settled(fake: Witness, expected: Expected) -> None:
    assert_converged(fake, expected)
    assert not ImportEntry.objects.exists()


def test_a_push_by_imports_converges_in_so_many_calls(fake: Witness) -> None:
    expected = seen()
    report = push_outbox()
    assert report.calls_by_route["POST /contacts/imports"] == 6
    assert "POST /contacts" not in report.calls_by_route
    assert report.calls == CALLS
    assert_all_is_settled(fake, expected)


@pytest.mark.parametrize(("fault", "call"), sampled(CALLS))
def test_a_fault_at_any_call_changes_nothing_in_the_end(
    fake: Witness, fault: str, call: int
) -> None:
    expected = seen()
    fake.before_call = at_call(call, lambda: fake.faults.add(**FAULTS[fault]))
    with suppress(errors.ResendError):
        push_outbox()
    fake.faults.clear()
    push_to_the_end()
    assert_all_is_settled(fake, expected)


@pytest.mark.parametrize("call", range(1, CALLS + 1))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_call_changes_nothing_in_the_end(fake: Witness, when: str, call: int) -> None:
    expected = seen()
    killer: Any = KillAt(call, when)
    with Client("re_test", base_url=fake.url, throttle=killer) as client, pytest.raises(Killed):
        push_outbox(client=client)
    push_to_the_end()
    assert_all_is_settled(fake, expected)
