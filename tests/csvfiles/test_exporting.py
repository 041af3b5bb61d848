"""An export holds everything, is safe to open, and changes nothing when it is imported again."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from django_resend.csvfiles import cells
from django_resend.models import (
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)
from tests.csvfiles.helpers import exported, outcomes, run_import

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.text(st.sampled_from("=+-@'\"\t\r\n,;| a1é\ufeff\u2028")),
    st.sampled_from(["=1+1", "'=1", "''", "-5", "5", "1e3", "true", "NULL", " padded ", "\ufeff"]),
)
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False)
)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "plan": TEXTS,
        "seats": NUMBERS,
        # Values that are not of their property's type, as careless code leaves them.
        "note": st.one_of(NUMBERS, st.booleans()),
        "count": TEXTS,
        "segments": TEXTS,
        "never_defined": TEXTS,
    },
)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


@pytest.mark.django_db
def test_an_export_has_every_property_segment_and_topic() -> None:
    ContactProperty.objects.create(key="plan", type="string")
    ContactProperty.objects.create(key="seats", type="number")
    friends, vip = (Segment.objects.create(name=name) for name in ("Friends", "VIP; gold"))
    news = Topic.objects.create(name="News", default_subscription="opt_in")
    Topic.objects.create(name="Offers", default_subscription="opt_in")
    ada = Contact.objects.create(
        email="Ada@example.org",
        first_name="Ada",
        last_name="Lovelace, “Countess”",
        unsubscribed=True,
        properties={"plan": "=1+1", "seats": -4},
    )
    ada.segments.set([friends, vip])
    ada.opt_out(news)

    (row,) = read(exported())

    assert row == {
        "email": "Ada@example.org",
        "first_name": "Ada",
        "last_name": "Lovelace, “Countess”",
        "unsubscribed": "true",
        "segments": 'Friends;"VIP; gold"',
        "topic:News": "opt_out",
        "topic:Offers": "",
        "plan": "'=1+1",
        "seats": "-4",
    }


@pytest.mark.django_db
def test_segments_and_topics_are_told_apart_by_id_where_their_names_do_not() -> None:
    twins = [Segment.objects.create(name="Twins", remote_id=f"s-{n}") for n in range(2)]
    unnamed = Segment.objects.create(name=" ")
    topics = [
        Topic.objects.create(name="News", default_subscription="opt_in", remote_id=f"t-{n}")
        for n in range(2)
    ]
    ada = Contact.objects.create(email="ada@example.org")
    ada.segments.set([twins[1], unnamed])
    ada.opt_out(topics[1])

    text = exported()
    Contact.untracked.all().delete()
    run_import(text)

    assert read(text)[0]["topic:t-1"] == "opt_out"
    again = Contact.objects.get()
    assert set(again.segments.all()) == {twins[1], unnamed}
    assert again.topicsubscription_set.get().topic == topics[1]


@pytest.mark.django_db
def test_an_export_restores_contacts_that_were_lost() -> None:
    ContactProperty.objects.create(key="plan", type="string")
    news = Topic.objects.create(name="News", default_subscription="opt_in")
    for n in range(3):
        contact = Contact.objects.create(
            email=f"p{n}@example.org", unsubscribed=n == 1, properties={"plan": f"'={n}"}
        )
        contact.segments.add(Segment.objects.create(name=f"Friends {n}"))
        TopicSubscription.objects.create(contact=contact, topic=news, subscription="opt_in")
    text = exported()
    Contact.untracked.all().delete()

    assert outcomes(run_import(text)) == ["new"] * 3
    assert exported() == text


@pytest.mark.django_db
def test_only_the_chosen_contacts_are_exported_each_once() -> None:
    friends, vip = (Segment.objects.create(name=name) for name in ("Friends", "VIP"))
    for n in range(3):
        Contact.objects.create(email=f"p{n}@example.org").segments.set([friends, vip][: n + 1])

    text = exported(Contact.objects.filter(segments__in=[friends, vip]))

    assert [row["email"] for row in read(text)] == [f"p{n}@example.org" for n in range(3)]


@pytest.mark.django_db
def test_a_batch_costs_the_same_queries_however_many_contacts_it_holds() -> None:
    friends = Segment.objects.create(name="Friends")
    counts = []
    for count in (2, 200):
        Contact.untracked.bulk_create(
            Contact(email=f"{count}-{n}@x.org", email_key=f"{count}-{n}@x.org")
            for n in range(count)
        )
        SegmentMembership.untracked.all().delete()
        friends.contacts.set(Contact.objects.all())
        with CaptureQueriesContext(connection) as queries:
            exported()
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 10


@given(TEXTS)
def test_a_text_comes_back_from_its_cell_and_no_cell_is_a_formula(text: str) -> None:
    cell = cells.text_cell(text)

    assert cells.cell_text(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), max_size=5))
def test_names_come_back_from_their_cell(names: list[str]) -> None:
    assert cells.cell_names(cells.names_cell(names)) == names


class ImportingAnExportChangesNothing(TestCase):
    """Whatever values the contacts have, of the right type or not."""

    def setUp(self) -> None:
        for key, type in [
            ("plan", "string"),
            ("seats", "number"),
            ("note", "string"),
            ("count", "number"),
            ("segments", "string"),
        ]:
            ContactProperty.objects.create(key=key, type=type)
        self.segments = [
            Segment.objects.create(name=n) for n in ("=Friends", 'V"I;P', "Twin", "Twin")
        ]
        self.topics = [
            Topic.objects.create(name=name, default_subscription="opt_in")
            for name in ("News", "=Offers,", "News")
        ]

    @given(
        people=st.lists(
            st.fixed_dictionaries(
                {
                    "first_name": TEXTS,
                    "last_name": TEXTS,
                    "unsubscribed": st.booleans(),
                    "properties": PROPERTIES,
                }
            ),
            max_size=4,
        ),
        members=st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3))),
        choices=st.dictionaries(
            st.tuples(st.integers(0, 3), st.integers(0, 2)), st.sampled_from(["opt_in", "opt_out"])
        ),
        codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    )
    def test(
        self,
        people: list[dict[str, Any]],
        members: set[tuple[int, int]],
        choices: dict[tuple[int, int], str],
        codec: str,
    ) -> None:
        contacts = [
            Contact.objects.create(email=f"+p{n}@example.org", **values)
            for n, values in enumerate(people)
        ]
        for person, segment in members:
            if person < len(contacts):
                contacts[person].segments.add(self.segments[segment])
        for (person, topic), choice in choices.items():
            if person < len(contacts):
                TopicSubscription.objects.create(
                    contact=contacts[person], topic=self.topics[topic], subscription=choice
                )
        OutboxEntry.objects.all().delete()
        before = _rows()

        verdicts = run_import(exported().encode(codec))

        assert outcomes(verdicts) == ["unchanged"] * len(contacts)
        assert [one.detail for one in verdicts] == [""] * len(contacts)
        assert _rows() == before
        assert not OutboxEntry.objects.exists()


def _rows() -> list[list[dict[str, Any]]]:
    models: list[Any] = [Contact, ContactProperty, SegmentMembership, TopicSubscription]
    return [list(model._base_manager.order_by("pk").values()) for model in models]
