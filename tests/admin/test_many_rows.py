"""Ten rows and ten thousand cost the same queries."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_resend.models import (
    Contact,
    ContactProperty,
    Kind,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)

from .pages import url

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

FEW, MANY = 10, 10_000


def fill(first: int, last: int) -> None:
    """Contacts with an outbox entry, a segment and a topic each."""
    segment, _ = Segment.untracked.get_or_create(name="VIP")
    topic, _ = Topic.untracked.get_or_create(name="News", default_subscription="opt_in")
    ContactProperty.untracked.get_or_create(key="plan", key_exact="plan")
    contacts = Contact.untracked.bulk_create(
        [
            Contact(email=f"p{n}@example.org", email_key=f"p{n}@example.org")
            for n in range(first, last)
        ],
        batch_size=1000,
    )
    now = timezone.now()
    SegmentMembership.untracked.bulk_create(
        [SegmentMembership(contact=c, segment=segment, confirmed_at=now) for c in contacts],
        batch_size=1000,
    )
    TopicSubscription.untracked.bulk_create(
        [TopicSubscription(contact=c, topic=topic, base="opt_in") for c in contacts],
        batch_size=1000,
    )
    OutboxEntry.objects.record(Kind.CONTACT, [c.pk for c in contacts])


def pages() -> list[str]:
    contact, segment, topic = (
        Contact.objects.earliest("pk"),
        Segment.objects.get(),
        Topic.objects.get(),
    )
    lists = [url(model) for model in (Contact, Segment, Topic, ContactProperty, OutboxEntry)]
    searches = [f"{url(Contact)}?q=p1", f"{url(Contact)}?unsubscribed=0"]
    rows = [url(type(row), "change", row.pk) for row in (contact, segment, topic)]
    return [*lists, *searches, *rows]


def queries(client: Client) -> dict[str, int]:
    counted = {}
    for page in pages():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page).status_code == 200
        counted[page] = len(captured)
    return counted


def test_lists_and_pages_cost_the_same_queries(client: Client) -> None:
    fill(0, FEW)
    queries(client)  # fills the content type cache
    few = queries(client)
    fill(FEW, MANY)
    assert queries(client) == few
    assert Contact.objects.count() == MANY
