"""What the specifications of imports need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django_resend.models import Contact, ContactImport, ImportEntry, OutboxEntry
from django_resend.sync.pull import pull_all
from django_resend.testing import FakeResend
from tests.oracle import differences

IMPORT, POLL = "POST /contacts/imports", "GET /contacts/imports"


def in_step(fake: FakeResend) -> bool:
    assert differences(fake) == []
    assert list(OutboxEntry.objects.values("kind", "object_id", "error_message")) == []
    assert not ImportEntry.objects.exists()
    assert not ContactImport.objects.exclude(state=ContactImport.State.DONE).exists()
    return True


def calls(fake: FakeResend, work: Callable[[], object]) -> dict[str, int]:
    """The calls that this work costs, by route."""
    fake.ledger.reset()
    work()
    return dict(fake.ledger.by_route)


def known(fake: FakeResend, count: int, **definitions: Any) -> list[Contact]:
    """So many contacts that are here and at Resend."""
    fake.dashboard.seed(contacts=count, **definitions)
    pull_all()
    return list(Contact.objects.order_by("pk"))
