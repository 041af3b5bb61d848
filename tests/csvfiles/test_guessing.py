"""What the columns of a file are taken for."""

from __future__ import annotations

import pytest

from django_resend.csvfiles.errors import FileRefused
from django_resend.csvfiles.guessing import guess_targets
from django_resend.csvfiles.sniffing import sample_records
from django_resend.csvfiles.survey import read_format
from django_resend.csvfiles.targets import Catalogue
from django_resend.models import ContactProperty, Topic
from tests.csvfiles.helpers import encoded, run_import

pytestmark = pytest.mark.django_db


def guessed(content: str) -> list[str]:
    file, catalogue = encoded(content), Catalogue()
    format = read_format(file)
    targets = guess_targets(format, sample_records(file, format), catalogue)
    return [catalogue.words(target) if target else "" for target in targets]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("E-mail,First name,Last name,Unsubscribed", "email first_name last_name unsubscribed"),
        ("Email Address,Given Name,Surname,Opted out", "email first_name last_name unsubscribed"),
        ("E-Mail-Adresse,Vorname,Nachname,Abgemeldet", "email first_name last_name unsubscribed"),
        ("Courriel,Prénom,Nom,Désinscrit", "email first_name last_name unsubscribed"),
        ("EMAIL,FNAME,LNAME,Subscribed", "email first_name last_name subscribed"),
    ],
)
def test_names_are_known_in_several_manners(header: str, words: str) -> None:
    assert guessed(f"{header}\n") == words.split()


def test_properties_are_known_by_key_and_by_their_key_as_words() -> None:
    for key in ("favourite_colour", "Plan", "plan", "segments"):
        ContactProperty.objects.create(key=key, type="string")

    assert guessed("email,Favourite colour,plan,PLAN,property:segments,segments\n") == [
        "email",
        "property:favourite_colour",
        "property:plan",
        "",
        "property:segments",
        "segments",
    ]


def test_topics_are_known_as_an_export_writes_them() -> None:
    Topic.objects.create(name="Product news", default_subscription="opt_in")

    assert guessed("email,topic:Product news,topic:Gone\n") == ["email", "topic:Product news", ""]


def test_a_second_column_of_one_meaning_is_left_alone() -> None:
    assert guessed("email,e-mail\n") == ["email", ""]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("who,contact\nAda,ada@example.org\n", ["", "email"]),
        ("Ada,ada@example.org\nBob,bob@example.org\n", ["", "email"]),
        ("who\nAda\n", [""]),
        ("who\nAda,ada@example.org\n", [""]),
    ],
)
def test_without_a_telling_name_the_column_of_addresses_is_meant(
    content: str, words: list[str]
) -> None:
    assert guessed(content) == words


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (["first_name", ""], "No column is mapped to the e-mail address"),
        (["email", "email"], "Two columns are mapped to e-mail address"),
        (["email", "nonsense"], "“nonsense” is nothing to import to"),
        (["email", "property:plan"], "There is no property “plan”. To create it, write"),
        (["email", "property:plan:boolean"], "string or number, not “boolean”"),
        (["email", "property:seats:string"], "its type is number and can't be changed"),
        (["email", "property:two words:string"], "can't be a property's key"),
        (["email", "property:Email:string"], "can't be a property's key"),
        (["email", "topic:Gone"], "There is no topic “Gone”"),
        (["email", "topic:Twice"], "Several have the name “Twice”"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused_in_a_sentence(
    mapping: list[str], says: str
) -> None:
    ContactProperty.objects.create(key="seats", type="number")
    for _again in range(2):
        Topic.objects.create(name="Twice", default_subscription="opt_in")

    with pytest.raises(FileRefused, match=says):
        run_import("a,b\nada@example.org,x\n", mapping=mapping)


def test_subscribed_and_unsubscribed_can_not_both_be_told() -> None:
    with pytest.raises(FileRefused, match="one column"):
        run_import("a,b,c\n", mapping=["email", "subscribed", "unsubscribed"])


def test_two_new_properties_of_one_key_are_refused() -> None:
    with pytest.raises(FileRefused, match="Two columns are mapped to plan"):
        run_import("a,b,c\n", mapping=["email", "property:plan:string", "property:plan:string"])
