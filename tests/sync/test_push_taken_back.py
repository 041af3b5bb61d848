"""A wish that is taken back here while the push is busy with another costs no call."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from django_resend.models import (
    Contact,
    MembershipRemoval,
    OutboxEntry,
    Segment,
    SegmentMembership,
)
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .bulk import calls
from .helpers import Throttle, client_of, later

pytestmark = pytest.mark.django_db(transaction=True)

JOIN, LEAVE = (
    "POST /contacts/{id}/segments/{segment_id}",
    "DELETE /contacts/{id}/segments/{segment_id}",
)


@pytest.fixture
def ada(resend_fake: FakeResend) -> Contact:
    """She is at Resend, where there are two segments and a topic."""
    resend_fake.dashboard.create_contact("ada@example.org")
    resend_fake.dashboard.create_segment("First")
    resend_fake.dashboard.create_segment("Second")
    resend_fake.dashboard.create_topic("News", "opt_in")
    pull_all()
    contact: Contact = Contact.objects.get()
    return contact


def before_call(fake: FakeResend, number: int, act: Callable[[], object]) -> dict[str, int]:
    """The calls of a push before the n-th of which something happens here."""
    return calls(fake, lambda: push_outbox(client=client_of(fake, Throttle(number, act))))


def in_step(fake: FakeResend) -> bool:
    OutboxEntry.objects.update(next_attempt_at=timezone.now())
    assert push_outbox().complete
    assert differences(fake) == []
    return True


def test_a_joining(resend_fake: FakeResend, ada: Contact) -> None:
    ada.segments.add(*Segment.objects.all())

    def take_back_the_other() -> None:
        ada.segments.remove(SegmentMembership.objects.get(sent_at=None).segment)

    made = before_call(resend_fake, 1, take_back_the_other)

    assert made == {JOIN: 1}
    assert ada.segments.count() == 1
    assert in_step(resend_fake)


def test_a_leaving(resend_fake: FakeResend, ada: Contact) -> None:
    ada.segments.add(*Segment.objects.all())
    push_outbox()
    ada.segments.clear()

    def take_back_the_other() -> None:
        ada.segments.add(MembershipRemoval.objects.get(sent_at=None).segment)

    made = before_call(resend_fake, 1, take_back_the_other)

    assert made == {LEAVE: 1}
    assert ada.segments.count() == 1
    assert in_step(resend_fake)


@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.parametrize("listing", ["all", "explicit"])
def test_a_contact_that_was_to_have_a_new_address(
    resend_fake: FakeResend, ada: Contact, call: int, listing: str
) -> None:
    resend_fake.quirks["topics_listing"] = listing
    ada.email = "ada@lovelace.example"
    ada.save()

    made = before_call(resend_fake, call, ada.delete)

    assert made.get("POST /contacts", 0) == int(call == 4)
    assert in_step(resend_fake)
    with later():
        pull_all()
    assert resend_fake.state()["contacts"] == []
    assert not Contact.objects.exists()
