"""Pushing segments, topics and properties: created once, changed where Resend can, deleted."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from django_resend.client.rows import SegmentRow
from django_resend.models import Contact, ContactProperty, Kind, OutboxEntry, Segment, Topic
from django_resend.sync.pull import pull_all
from django_resend.sync.pull.definitions import store_definitions
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Throttle, client_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(resend_fake: FakeResend) -> FakeResend:
    board = resend_fake.dashboard
    board.create_segment("VIP")
    board.create_topic("News", "opt_in")
    board.create_property("plan", "string")
    board.create_contact("ada@example.org", properties={"plan": "pro"})
    pull_all()
    resend_fake.ledger.reset()
    return resend_fake


def test_what_resend_can_change_is_one_call_each(site: FakeResend) -> None:
    segment, topic, prop = Segment.objects.get(), Topic.objects.get(), ContactProperty.objects.get()
    segment.name, topic.description, prop.fallback_value = "Gold", "Once a month", "free"
    for item in (segment, topic, prop):
        item.save()
    assert push_outbox().complete
    assert dict(site.ledger.by_route) == {
        "PATCH /segments/{id}": 1,
        "PATCH /topics/{id}": 1,
        "PATCH /contact-properties/{id}": 1,
    }
    assert differences(site) == []


def test_a_deleted_property_takes_its_values_along(site: FakeResend) -> None:
    ContactProperty.objects.get().delete()
    assert push_outbox().complete
    assert Contact.objects.get().properties == {}
    assert differences(site) == []


def test_a_definition_that_resend_refuses_is_tried_again_after_the_next_edit(
    site: FakeResend,
) -> None:
    site.faults.add(route="POST /segments", status=422, name="validation_error")
    segment = Segment.objects.create(name="Too many")
    assert push_outbox().refused == 1
    segment.refresh_from_db()
    assert segment.in_flight is None
    segment.name = "Few"
    segment.save()
    assert push_outbox().complete
    assert differences(site) == []


def test_a_segment_deleted_here_while_it_is_created_there_is_deleted_there(
    site: FakeResend,
) -> None:
    segment = Segment.objects.create(name="Short-lived")
    push_outbox(client=client_of(site, Throttle(1, lambda: segment.delete())))
    assert push_outbox().complete
    assert [row["name"] for row in site.state()["segments"]] == ["VIP"]


def test_an_entry_without_its_object_is_done(site: FakeResend) -> None:
    OutboxEntry.objects.ensure(Kind.SEGMENT, [4711])
    OutboxEntry.objects.ensure(Kind.CONTACT, [4711])
    assert push_outbox().done == 2
    assert site.ledger.total == 0


def test_a_name_changed_on_both_sides_is_sent_where_ours_wins(
    site: FakeResend,
) -> None:
    segment = Segment.objects.get()
    segment.name = "Ours"
    segment.save()
    OutboxEntry.objects.all().delete()
    site.dashboard.rename_segment("VIP", "Theirs")
    with override_settings(
        RESEND={"API_KEY": "re_test", "BASE_URL": site.url, "CONFLICTS": "local"}
    ):
        pull_all()
        push_outbox()
    assert [row["name"] for row in site.state()["segments"]] == ["Ours"]


def test_a_segment_whose_deletion_is_under_way_is_not_pulled_back(site: FakeResend) -> None:
    Segment.objects.get().delete()
    pull_all()
    assert not Segment.objects.exists()


def test_a_lost_segment_is_known_by_its_name_where_no_date_is_told(site: FakeResend) -> None:
    segment = Segment.objects.create(name="Lost")
    Segment.untracked.filter(pk=segment.pk).update(
        in_flight={"name": "Lost", "sent_at": "2026-01-01T00:00:00+00:00"}
    )
    row = SegmentRow.read({"id": "5f0c0000-0000-4000-8000-000000000000", "name": "Lost"})
    with transaction.atomic():
        store_definitions(Kind.SEGMENT, [row], begun=timezone.now())
    segment.refresh_from_db()
    assert segment.remote_id == row.id
