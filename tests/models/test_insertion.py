"""Rows inserted in bulk are the rows that Django's own bulk insert would have written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DataError, connection, router
from django.test.utils import CaptureQueriesContext
from django.utils.connection import ConnectionDoesNotExist

from django_resend.models import Contact, Kind, OutboxEntry, Segment, SegmentMembership
from django_resend.models.insertion import insert_instances, insert_values

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=UTC)
NASTY = "100 %s, {}, 'quoted', \"twice\", \\, Ærøskøbing, 寿司 🍣\n"


def contact(number: int, **values: Any) -> Contact:
    email = f"p{number}@example.org"
    return Contact(email=email, email_key=email, created_at=NOW, updated_at=NOW, **values)


def stored(prefix: str) -> list[dict[str, Any]]:
    rows = Contact.untracked.filter(email__startswith=prefix).order_by("pk").values()
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def test_every_sort_of_value_arrives_as_it_is() -> None:
    values: list[dict[str, Any]] = [
        {"first_name": NASTY, "properties": {"a": NASTY, "b": [1.5, None, True]}, "base": {"x": 1}},
        {"base": None, "in_flight": {}, "raw": {"email": NASTY}, "remote_created_at": NOW},
        {"unsubscribed": True, "remote_id": "e0f1", "attention": Contact.Attention.HELD},
        {"deep_checked_at": NOW, "pushed_at": NOW},
    ]
    insert_instances([contact(n, **one) for n, one in enumerate(values)], unique="email_key")
    ours = stored("p")
    Contact.untracked.all().delete()
    for n, one in enumerate(values):
        theirs = contact(n, **one)
        Contact.untracked.bulk_create([theirs])
        Contact.untracked.filter(pk=theirs.pk).update(updated_at=NOW)

    assert ours == stored("p")
    assert ours[0]["first_name"] == NASTY


def test_instances_get_their_own_keys_however_many_they_are() -> None:
    rows = [contact(number) for number in range(2500)]

    insert_instances(rows, unique="email_key")

    assert all(not row._state.adding and row._state.db == "default" for row in rows)
    keys = dict(Contact.untracked.values_list("email", "pk"))
    assert {row.email: row.pk for row in rows} == keys


def test_the_site_s_router_says_where_they_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "db_for_write", lambda model, **hints: "elsewhere")

    with pytest.raises(ConnectionDoesNotExist, match="elsewhere"):
        insert_instances([contact(1)], unique="email_key")
    with pytest.raises(ConnectionDoesNotExist, match="elsewhere"):
        insert_values(OutboxEntry, ("kind", "object_id"), [(Kind.CONTACT, 1)])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite keeps no lengths")
def test_what_is_too_long_fails_and_is_not_cut() -> None:
    with pytest.raises(DataError):
        insert_instances([contact(1), contact(2, remote_id="x" * 65)], unique="email_key")


def test_nothing_costs_nothing() -> None:
    with CaptureQueriesContext(connection) as queries:
        insert_instances([], unique="email_key")
        insert_values(OutboxEntry, ("kind", "object_id"), [])

    assert len(queries) == 0


def test_a_row_that_is_there_stays_as_it_is() -> None:
    ada, segment = contact(1), Segment(name="Friends")
    insert_instances([ada], unique="email_key")
    Segment.untracked.bulk_create([segment])
    names = ("contact", "segment", "sent_at", "confirmed_at")
    insert_values(SegmentMembership, names, [(ada.pk, segment.pk, NOW, NOW)])

    insert_values(SegmentMembership, names, [(ada.pk, segment.pk, None, None)])

    member = SegmentMembership.untracked.get()
    assert (member.contact, member.segment, member.confirmed_at) == (ada, segment, NOW)


def test_an_entry_is_renewed_but_keeps_its_lease() -> None:
    OutboxEntry.objects.record(Kind.CONTACT, [7])
    first = OutboxEntry.objects.get()
    lease = first.token
    OutboxEntry.objects.update(lease=lease, leased_until=NOW, attempts=4, error_message="No.")

    OutboxEntry.objects.record(Kind.CONTACT, [7, 8])

    again = OutboxEntry.objects.get(object_id=7)
    assert again.pk == first.pk
    assert again.token != first.token
    assert (again.lease, again.leased_until) == (lease, NOW)
    assert (again.attempts, again.error_message) == (0, "")
    assert OutboxEntry.objects.count() == 2
