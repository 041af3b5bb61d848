"""What a contact needs and Resend lacks makes only that part of the contact wait."""

from __future__ import annotations

import pytest
from django.utils import timezone

from django_resend.models import Contact, ContactProperty, OutboxEntry
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("contact", ["new", "known"])
def test_a_value_waits_for_its_property_and_the_rest_of_the_contact_does_not(
    resend_fake: FakeResend, contact: str
) -> None:
    if contact == "known":
        resend_fake.dashboard.create_contact("ada@example.org")
        pull_all()
        ada = Contact.objects.get()
    else:
        ada = Contact.objects.create(email="ada@example.org")
    ContactProperty.objects.create(key="seats", type="number")
    ada.properties, ada.unsubscribed = {"seats": 3}, True
    ada.save()
    resend_fake.faults.add(route="POST /contact-properties", status=500)

    assert push_outbox().retried == 2
    (remote,) = resend_fake.state()["contacts"]
    assert (remote["unsubscribed"], remote["properties"]) == (True, {})
    assert OutboxEntry.objects.filter(state=OutboxEntry.State.PENDING).count() == 2

    OutboxEntry.objects.update(next_attempt_at=timezone.now())
    assert push_outbox().complete
    assert resend_fake.state()["contacts"][0]["properties"] == {"seats": 3}
    assert differences(resend_fake) == []
