"""What is deleted here while it is being pushed ends deleted, and stops nothing behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from django_resend.models import Contact, OutboxEntry, Segment, Topic
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from tests.oracle import differences

from . import mixed
from .test_faults import CALLS, at_call
from .witness import Witness

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def fake() -> Iterator[Witness]:
    fake = Witness()
    site = {"API_KEY": "re_test", "RATE_LIMIT": 0}
    with fake.serve(), override_settings(RESEND={**site, "BASE_URL": fake.url}):
        mixed.fill(fake)
        yield fake
    fake.close()


def delete(model: type[Contact | Segment | Topic]) -> Callable[[], None]:
    """Delete all, by another connection: the fake's thread, while the pusher waits for it."""

    def act() -> None:
        try:
            model.objects.all().delete()
        finally:
            connections.close_all()

    return act


@pytest.mark.parametrize("call", range(1, CALLS + 1))
@pytest.mark.parametrize("model", [Contact, Segment, Topic])
def test_a_deletion_during_any_call_of_a_push_ends_in_agreement(
    fake: Witness, model: type[Contact | Segment | Topic], call: int
) -> None:
    fake.before_call = at_call(call, delete(model))
    push_outbox()
    for _push in range(5):
        OutboxEntry.objects.update(next_attempt_at=timezone.now())
        if push_outbox().complete:
            break
    assert list(OutboxEntry.objects.values_list("kind", "object_id", "error_message")) == []
    assert not model.objects.exists()
    assert pull_all(allow_deletions=True).complete
    assert differences(fake) == []
    assert not model.objects.exists()
    assert fake.unexplained() == []
