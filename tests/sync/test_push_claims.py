"""Entries are taken by one push, also where two look at the same moment."""

from __future__ import annotations

import pytest
from django.db.models import QuerySet

from django_resend.models import Contact, OutboxEntry, SyncRun
from django_resend.sync.push import claims
from django_resend.testing import FakeResend

pytestmark = pytest.mark.django_db(transaction=True)


def begin() -> int:
    run: int = SyncRun.objects.create(action=SyncRun.Action.PUSH).pk
    return run


@pytest.mark.parametrize("left", [0, 1])
def test_who_finds_all_taken_takes_what_is_left(
    resend_fake: FakeResend, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(2 + left))
    mine, other = begin(), begin()
    due, looks = claims.due, iter((False, True))
    others: list[claims.Claim] = []

    def due_but_taken(only: QuerySet[OutboxEntry] | None = None) -> QuerySet[OutboxEntry]:
        if next(looks, False):
            others.extend(claims.claim(2, other))
        return due(only)

    with monkeypatch.context() as patched:
        patched.setattr(claims, "due", due_but_taken)
        taken = claims.claim(2, mine)

    assert len(others) == 2
    assert len(taken) == left
    assert not {one.entry.pk for one in taken} & {one.entry.pk for one in others}
