"""Exporting contacts: the selected ones, all that match, or everybody."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_resend.models import Contact
from tests.admin.conftest import ContactMaker, UserMaker
from tests.admin.pages import Response, start_action, url

pytestmark = pytest.mark.django_db

EXPORT = "/admin/django_resend/contact/export/"


def addresses(answer: Response) -> list[str]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return [row["email"] for row in csv.DictReader(StringIO(text, newline=""))]


def test_the_selected_contacts_are_exported(client: Client, make_contacts: ContactMaker) -> None:
    contacts = make_contacts(3)

    answer = start_action(client, url(Contact), "export_csv", [contacts[0].pk, contacts[2].pk])

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    assert addresses(answer) == ["p00000@example.org", "p00002@example.org"]
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message) == ("2 contacts", "Export as CSV")


def test_all_that_match_a_filter_are_exported(client: Client, make_contacts: ContactMaker) -> None:
    make_contacts(120)
    make_contacts(130, unsubscribed=True)
    address = f"{url(Contact)}?unsubscribed=1"
    first = Contact.objects.filter(unsubscribed=True)[0]

    answer = start_action(client, address, "export_csv", [first.pk], across=True)

    assert len(addresses(answer)) == 130


def test_everybody_is_exported_once_it_was_confirmed(
    client: Client, make_contacts: ContactMaker
) -> None:
    make_contacts(3)

    assert "<strong>3</strong> contacts" in client.get(EXPORT).content.decode()
    assert not LogEntry.objects.exists()
    assert len(addresses(client.post(EXPORT))) == 3


def test_viewing_is_enough_to_export_and_needed(
    client_with: UserMaker, make_contacts: ContactMaker
) -> None:
    contacts = make_contacts(1)
    viewer = client_with("view_contact")

    assert viewer.get(EXPORT).status_code == 200
    assert len(addresses(viewer.post(EXPORT))) == 1
    answer = start_action(viewer, url(Contact), "export_csv", [contacts[0].pk])
    assert len(addresses(answer)) == 1


def test_who_may_not_view_contacts_can_not_export_them(client_with: UserMaker) -> None:
    stranger = client_with("view_segment")

    assert stranger.get(EXPORT).status_code == 403
    assert stranger.post(EXPORT).status_code == 403
