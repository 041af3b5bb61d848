"""The made-up people have all that makes real lists hard."""

from __future__ import annotations

import unicodedata

import pytest

from django_resend.models import Contact, ContactProperty
from example_project.demo.data import Person, read_definitions, read_people


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return read_people()


def test_two_thousand_people_each_with_an_address_of_their_own(people: list[Person]) -> None:
    assert len({person.email.lower() for person in people}) == len(people) == 2000


def test_nobody_real_can_be_reached(people: list[Person]) -> None:
    domains = {person.email.lower().rpartition("@")[2] for person in people}
    assert domains == {"example.org", "example.com", "example.net"}


def test_awkward_addresses(people: list[Person]) -> None:
    addresses = [person.email for person in people]
    assert any("+" in address for address in addresses)
    assert any(address.isupper() for address in addresses)
    assert any("/" in address for address in addresses)
    assert sum(len(address.partition("@")[0]) == 1 for address in addresses) >= 26


def test_awkward_names(people: list[Person]) -> None:
    names = [person.first_name + person.last_name for person in people]
    assert any("ü" in name for name in names)
    letters = "".join(names)
    assert any("CJK UNIFIED" in unicodedata.name(letter, "") for letter in letters)
    assert {"R", "AL"} <= set(map(unicodedata.bidirectional, letters))
    assert any(len(name) > 250 for name in names)
    assert any(not person.first_name and not person.last_name for person in people)
    assert any(not person.first_name and person.last_name for person in people)
    assert any(person.unsubscribed for person in people)


def test_every_definition_is_used_and_fits(people: list[Person]) -> None:
    definitions = read_definitions()
    counts = {name: len(rows) for name, rows in definitions.items()}
    assert counts == {"segments": 8, "topics": 5, "properties": 6}
    assert {row["type"] for row in definitions["properties"]} == {"string", "number"}
    assert {name for person in people for name in person.segments} == set(definitions["segments"])
    topics = {row["name"] for row in definitions["topics"]}
    assert {name for person in people for name in person.topics} == topics
    for row in definitions["properties"]:
        definition = ContactProperty(key=row["key"], type=row["type"])
        values = [p.properties[row["key"]] for p in people if row["key"] in p.properties]
        assert values
        assert all(definition.accepts(value) for value in values)


def test_every_contact_is_one_that_the_mirror_could_have_made(people: list[Person]) -> None:
    for person in people:
        Contact(email=person.email).clean_fields(exclude=["email_key"])
