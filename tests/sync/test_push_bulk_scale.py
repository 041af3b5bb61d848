"""The calls that imports save, at the size for which they are made."""

from __future__ import annotations

import pytest

from django_resend.models import Contact, Segment
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.benchmarks.contenders import ours
from tests.benchmarks.scenarios import PROPERTIES, TOPICS, newcomers

from .bulk import calls, in_step

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sleeps"),
    pytest.mark.slow,
]


def test_ten_thousand_newcomers_in_twelve_sets(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(segments=2, topics=TOPICS, properties=PROPERTIES)
    pull_all()

    made = calls(resend_fake, lambda: ours.create(newcomers(10_000)))

    assert sum(made.values()) <= 200
    assert in_step(resend_fake)


def test_five_thousand_join_change_and_leave(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=5000, segments=1, properties=1)
    pull_all(deep=False)
    joined = Segment.objects.create(name="Joined")
    joined.contacts.add(*Contact.objects.all())
    assert sum(calls(resend_fake, push_outbox).values()) <= 80

    Contact.objects.update(last_name="Changed")
    assert sum(calls(resend_fake, push_outbox).values()) <= 10

    some = Contact.objects.order_by("pk")[:3000]
    Contact.objects.filter(pk__in=list(some.values_list("pk", flat=True))).update(unsubscribed=True)
    assert sum(calls(resend_fake, push_outbox).values()) <= 10

    there = resend_fake.state()["contacts"]
    assert sum(row["unsubscribed"] for row in there) == 3000
    assert all(row["last_name"] == "Changed" and len(row["segments"]) == 2 for row in there)
