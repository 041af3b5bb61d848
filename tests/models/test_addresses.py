"""One contact an address: the database itself sees to it, on every database alike."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from django_resend.models import Contact, ContactProperty, email_key

pytestmark = pytest.mark.django_db

SAME = [
    ("ada@example.org", "ADA@Example.ORG"),
    ("jürgen@example.org", "JÜRGEN@EXAMPLE.ORG"),
    ("ёлка@пример.рф", "ЁЛКА@ПРИМЕР.РФ"),
    ("jos\u00e9@example.org", "jose\u0301@example.org"),
]
DISTINCT = [
    ("jose@example.org", "josé@example.org"),
    ("strasse@example.org", "straße@example.org"),
    ("a.b@example.org", "ab@example.org"),
    ("ada@example.org", "ada+news@example.org"),
    ("e@example.org", "é@example.org"),
    ("o@example.org", "ø@example.org"),
    ("a@example.org", "а@example.org"),  # noqa: RUF001  (the second begins with a Cyrillic letter)
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_letter_case_and_unicode_form_make_no_second_contact(first: str, second: str) -> None:
    Contact.objects.create(email=first)

    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.create(email=second)
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.bulk_create([Contact(email=second)])
    with pytest.raises(ValidationError):
        Contact(email=second).full_clean()
    assert Contact.objects.for_address(second).get().email == first


@pytest.mark.parametrize(("first", "second"), DISTINCT)
def test_other_addresses_are_other_contacts(first: str, second: str) -> None:
    Contact.objects.bulk_create([Contact(email=first), Contact(email=second)])
    Contact(email=first).email = second

    assert Contact.objects.count() == 2
    assert Contact.objects.for_address(first).get().email == first
    assert Contact.objects.for_address(second).get().email == second


def test_one_batch_can_not_hold_an_address_twice() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.bulk_create([Contact(email="ada@example.org"), Contact(email="ADA@e.org")])
        Contact.objects.bulk_create(
            [Contact(email="b@example.org"), Contact(email="B@example.org")]
        )


def test_a_batch_that_ignores_conflicts_keeps_the_first() -> None:
    Contact.objects.create(email="ada@example.org", first_name="Ada")
    batch = [Contact(email="ADA@example.org", first_name="X"), Contact(email="bob@example.org")]

    Contact.objects.bulk_create(batch, ignore_conflicts=True)

    assert set(Contact.objects.values_list("email", "first_name")) == {
        ("ada@example.org", "Ada"),
        ("bob@example.org", ""),
    }


@pytest.mark.parametrize("way", ["save", "update", "bulk_update"])
def test_a_changed_address_must_be_free_too(way: str) -> None:
    Contact.objects.create(email="ada@example.org")
    bob = Contact.objects.create(email="bob@example.org")
    bob.email = "ADA@example.org"

    with pytest.raises(IntegrityError), transaction.atomic():
        if way == "save":
            bob.save()
        elif way == "update":
            Contact.objects.filter(pk=bob.pk).update(email=bob.email)
        else:
            Contact.objects.bulk_update([bob], ["email"])


@pytest.mark.parametrize("way", ["save", "save by name", "update", "bulk_update"])
def test_a_changed_address_frees_the_old_one(way: str) -> None:
    contact = Contact.objects.create(email="ada@example.org")
    contact.email = "Augusta@example.org"
    if way == "save":
        contact.save()
    elif way == "save by name":
        contact.save(update_fields=["email"])
    elif way == "update":
        Contact.objects.update(email=contact.email)
    else:
        Contact.objects.bulk_update([contact], ["email"])

    assert Contact.objects.for_address("AUGUSTA@example.org").get().pk == contact.pk
    Contact.objects.create(email="Ada@Example.org")
    assert Contact.objects.count() == 2


def test_the_same_contact_may_change_the_spelling_of_its_address() -> None:
    contact = Contact.objects.create(email="ada@example.org")
    contact.email = "Ada@Example.org"
    contact.full_clean()
    contact.save()

    assert Contact.objects.get().email == "Ada@Example.org"


def test_past_every_manager_of_ours_the_database_still_refuses() -> None:
    Contact.untracked.bulk_create([Contact(email="ada@example.org", email_key="ada@example.org")])

    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.untracked.bulk_create([Contact(email="x@example.org", email_key="ada@example.org")])


def test_addresses_as_long_as_the_standard_allows_are_told_apart() -> None:
    local, domain = "é" * 64, "x" * 240 + ".org"
    first, second = f"{local}@{domain}", f"{local}@{'x' * 239}y.org"
    Contact.objects.create(email=first)
    Contact.objects.create(email=second)

    assert Contact.objects.for_address(first.upper()).get().email == first
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.create(email=first.upper())


@pytest.mark.parametrize("keys", [("plan", "Plan"), ("PLAN", "plan"), ("a_b", "aB")])
def test_keys_of_properties_differ_by_letter_case(keys: tuple[str, str]) -> None:
    for key in keys:
        ContactProperty.objects.create(key=key)

    with pytest.raises(IntegrityError), transaction.atomic():
        ContactProperty.objects.create(key=keys[0])
    assert ContactProperty.objects.count() == 2


@given(st.emails())
def test_the_key_of_an_address_is_short_plain_and_the_same_for_both_cases(address: str) -> None:
    key = email_key(address)

    assert key == email_key(address.upper()) == email_key(f" {address} ")
    assert key.isascii()
    assert key == key.lower()
    assert len(key) <= 255


def test_a_key_is_compared_byte_by_byte() -> None:
    """Neither a collation nor the database's own notion of letter case has a say."""
    Contact.objects.create(email="jose@example.org")

    assert not Contact.objects.for_address("josé@example.org").exists(), connection.vendor
