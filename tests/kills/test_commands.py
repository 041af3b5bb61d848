"""A command killed at any line: the next run finishes what it began."""

from __future__ import annotations

import pytest

from django_resend.models import Contact, OutboxEntry, Segment, SyncRun, Topic
from django_resend.sync.pull import pull_all
from tests.oracle import differences

from .conftest import Machine

pytestmark = pytest.mark.slow

KILLS = 3


def change_much() -> None:
    """Local work of every kind: 10 contacts each made, changed, moved, opted out, deleted."""
    friends = Segment.objects.create(name="Friends")
    topic = Topic.objects.earliest("pk")
    people = list(Contact.objects.order_by("pk"))
    for number in range(10):
        new = Contact.objects.create(
            email=f"new{number}@example.org", first_name="New", properties={"property_1": "x"}
        )
        new.segments.add(friends)
        new.opt_out(topic)
        people[number].first_name = "Changed"
        people[number].properties = {}
        people[number].save()
        people[10 + number].segments.set([friends])
        people[20 + number].opt_out(topic)
        people[30 + number].delete()
        people[40 + number].email = f"moved{number}@example.org"
        people[40 + number].save()


def test_the_pull_after_killed_ones_finishes_them(machine: Machine) -> None:
    machine.fake.dashboard.seed(contacts=150, segments=2, topics=1, properties=1)
    kills = sum(
        machine.kill_after(machine.manage("resend_pull"), machine.chance.randint(2, 90))
        for _ in range(KILLS)
    )
    assert kills == KILLS

    machine.finish(machine.manage("resend_pull"))

    assert differences(machine.fake) == []
    assert not OutboxEntry.objects.exists()
    assert SyncRun.objects.filter(state=SyncRun.State.RUNNING).count() == 0


def test_the_push_after_killed_ones_finishes_them(machine: Machine) -> None:
    machine.fake.dashboard.seed(contacts=60, segments=2, topics=1, properties=1)
    pull_all()
    change_much()
    kills = sum(
        machine.kill_after(machine.manage("resend_push"), machine.chance.randint(1, 35))
        for _ in range(KILLS)
    )
    assert kills == KILLS

    machine.finish(machine.manage("resend_push"))

    assert not OutboxEntry.objects.exists()
    assert differences(machine.fake) == []
    addresses = [contact["email"] for contact in machine.fake.state()["contacts"]]
    assert len(addresses) == len(set(addresses)) == 60
    assert [s["name"] for s in machine.fake.state()["segments"]].count("Friends") == 1
