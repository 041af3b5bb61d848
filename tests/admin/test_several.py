"""Adding several addresses: a verdict on each line, and only then the saving."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_resend.models import Contact, Kind, OutboxEntry, Segment

from .conftest import UserMaker
from .pages import form_values, text_of, told, url


@pytest.fixture
def page(db: None) -> str:
    return reverse("admin:django_resend_contact_several")


def test_each_line_gets_its_verdict_and_nothing_is_saved_yet(
    client: Client, page: str, contact: Contact
) -> None:
    Contact.objects.create(email="back@example.org", unsubscribed=True).delete()
    lines = ["new@example.org", "", " P00000@Example.org", "nobody", "NEW@example.org"]

    answer = client.post(page, {"addresses": "\n".join([*lines, "back@example.org"])})

    shown = text_of(answer)
    assert "2 contacts will be added" in shown
    assert "1 new@example.org new" in shown
    assert "3 P00000@Example.org here already" in shown
    assert "4 nobody no e-mail address" in shown
    assert "5 NEW@example.org stands here twice" in shown
    assert "6 back@example.org new; had opted out before and stays opted out" in shown
    assert f'<a href="{url(Contact, "change", contact.pk)}">' in answer.content.decode()
    assert Contact.objects.count() == 1


def test_the_good_lines_are_added_with_their_segments(
    client: Client, page: str, contact: Contact, friends: Segment
) -> None:
    addresses = "new@example.org\nnobody\nP00000@example.org\nother@example.org"
    checked = client.post(page, {"addresses": addresses, "segments": [friends.pk]})

    done = client.post(page, {**form_values(checked), "_save": "Add them"})

    assert "2 contacts were added." in told(done)
    assert {one.email for one in friends.contacts.all()} == {"new@example.org", "other@example.org"}
    assert OutboxEntry.objects.filter(kind=Kind.CONTACT).count() == 2
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message) == ("2 contacts", "Added by address")


def test_too_many_lines_are_told_to_come_as_a_file(client: Client, page: str) -> None:
    answer = client.post(page, {"addresses": "a@example.org\n" * 1001, "_save": "x"})

    assert "For more, import a CSV file." in text_of(answer)
    assert not Contact.objects.exists()


def test_a_thousand_lines_cost_the_queries_of_two(client: Client, page: str) -> None:
    def queries(first: int, last: int) -> int:
        lines = "\n".join(f"p{n}@example.org" for n in range(first, last))
        with CaptureQueriesContext(connection) as captured:
            client.post(page, {"addresses": lines, "_save": "x"})
        return len(captured)

    queries(0, 1)  # fills the content type cache
    # 40, because Django 5.2 gives SQLite at most 999 values an insert.
    assert queries(1, 3) == queries(3, 43)
    assert Contact.objects.count() == 43


def test_it_needs_the_permission_to_add(client_with: UserMaker, page: str) -> None:
    client = client_with("view_contact", "change_contact")

    assert client.get(page).status_code == 403
    assert client.post(page, {"addresses": "a@example.org", "_save": "x"}).status_code == 403
    assert "several" not in client.get(url(Contact)).content.decode()
