"""The demo's local changes: of every sort, and pushed so that both sides are equal."""

from __future__ import annotations

import pytest

from django_resend.models import Kind, OutboxEntry
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from example_project.demo.compare import differences
from example_project.demo.data import read_definitions, read_people
from example_project.demo.edits import edit

pytestmark = pytest.mark.django_db


def test_they_reach_resend(resend_fake: FakeResend) -> None:
    fill(resend_fake)
    pull_all()

    edited = edit()
    kinds = set(OutboxEntry.objects.values_list("kind", flat=True))
    deleted = set(OutboxEntry.objects.exclude(remote_id="").values_list("kind", flat=True))
    push_outbox()

    assert kinds == set(Kind.values)
    assert deleted == {Kind.CONTACT, Kind.SEGMENT}
    assert edited.objects > 30
    assert edited.memberships > 20
    assert edited.loop_calls > edited.objects
    assert differences(resend_fake.state()) == []


def fill(fake: FakeResend) -> None:
    """A tenth of the demo's people."""
    definitions = read_definitions()
    for row in definitions["properties"]:
        fake.dashboard.create_property(**row)
    for name in definitions["segments"]:
        fake.dashboard.create_segment(name)
    for row in definitions["topics"]:
        fake.dashboard.create_topic(**row)
    for person in read_people()[:200]:
        fake.dashboard.create_contact(
            person.email,
            properties=person.properties,
            segments=person.segments,
            topics=person.topics,
            first_name=person.first_name or None,
            last_name=person.last_name or None,
            unsubscribed=person.unsubscribed,
        )
