"""Contacts met for the first time are made as merging them would have made them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from django_resend.client.rows import ContactRow
from django_resend.models import Contact
from django_resend.sync.merge import changes, merge_contact
from django_resend.sync.newcomers import Newcomers
from django_resend.sync.states import local_contact, policy, remote_contact

NAMES = st.one_of(st.none(), st.text(max_size=5), st.integers())
VALUES = st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.text(), st.integers()))
ROWS = st.fixed_dictionaries(
    {"id": st.just("c1"), "email": st.sampled_from(["ada@example.org", "Ada@Example.org"])},
    optional={
        "first_name": NAMES,
        "last_name": NAMES,
        "unsubscribed": st.one_of(st.none(), st.booleans()),
        "created_at": st.sampled_from(["2026-03-04 05:06:07.84216+00", "soon", None]),
        "properties": VALUES,
        "unheard_of": st.integers(),
    },
)


@given(ROWS)
def test_a_newcomer_is_what_a_merge_with_an_empty_contact_makes(raw: dict[str, Any]) -> None:
    row = ContactRow.read(raw)
    newcomer = Newcomers(timezone.now()).take(row, "ada@example.org")

    empty = Contact(email=row.email)
    merged = merge_contact(None, None, local_contact(empty), remote_contact(row), policy())
    assert local_contact(newcomer) == merged.local
    assert newcomer.base == merged.base
    assert not (merged.opted_in or merged.held)
    assert not changes(merged.base, merged.local), "there would be something to push"
    assert (newcomer.raw, newcomer.remote_id) == (raw, "c1")
    assert newcomer.remote_created_at == row.created_at
    assert newcomer.email_key == "ada@example.org"


def test_every_other_field_has_its_default() -> None:
    now = timezone.now()
    row = ContactRow.read({"id": "c1", "email": "ada@example.org"})
    newcomer = Newcomers(now).take(row, "ada@example.org")

    plain = Contact(email="ada@example.org", email_key="ada@example.org", created_at=now)
    plain.remote_id, plain.base, plain.updated_at = "c1", {"email": "ada@example.org"}, now
    plain.raw = row.raw
    assert newcomer._state.adding
    assert newcomer.get_deferred_fields() == plain.get_deferred_fields()
    stored = [f.attname for f in Contact._meta.concrete_fields if not f.generated]
    assert {n: getattr(newcomer, n) for n in stored} == {n: getattr(plain, n) for n in stored}


def test_newcomers_share_no_values() -> None:
    newcomers = Newcomers(timezone.now())
    raw = {"id": "c1", "email": "ada@example.org", "properties": {"a": 1}}
    row = ContactRow.read(raw)
    first, second = (newcomers.take(row, "ada@example.org") for _ in range(2))
    assert isinstance(first.base, dict)
    first.properties["a"], first.base["email"], first.raw["email"] = 2, "", ""
    first.base["properties"]["a"] = 3

    assert second.properties == {"a": 1}
    assert second.base == {"email": "ada@example.org", "properties": {"a": 1}}
    assert raw == {"id": "c1", "email": "ada@example.org", "properties": {"a": 1}}
