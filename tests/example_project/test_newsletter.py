"""The example site's two public pages."""

from __future__ import annotations

import pytest
from django.test import Client

from django_resend.models import Contact, Segment

pytestmark = [pytest.mark.django_db, pytest.mark.urls("example_project.urls")]


def sign_up(client: Client, email: str, first_name: str = "") -> None:
    reply = client.post("/sign-up/", {"email": email, "first_name": first_name})
    assert reply.status_code == 302


def test_signing_up_makes_a_contact_in_the_newsletter_segment(client: Client) -> None:
    sign_up(client, "ada@example.org", "Ada")

    contact = Contact.objects.get()
    assert (contact.email, contact.first_name) == ("ada@example.org", "Ada")
    assert [segment.name for segment in contact.segments.all()] == ["Newsletter"]


def test_signing_up_again_changes_nothing(client: Client) -> None:
    sign_up(client, "ada@example.org", "Ada")
    sign_up(client, "Ada@Example.org", "Somebody else")

    contact = Contact.objects.get()
    assert (contact.email, contact.first_name) == ("ada@example.org", "Ada")
    assert Segment.objects.count() == 1


def test_a_form_that_anyone_can_fill_in_does_not_take_back_an_opt_out(client: Client) -> None:
    Contact.objects.create(email="ada@example.org", unsubscribed=True)

    sign_up(client, "ada@example.org")

    assert Contact.objects.get().unsubscribed


def test_an_address_that_is_none_is_sent_back_to_the_form(client: Client) -> None:
    reply = client.post("/sign-up/", {"email": "not an address"})

    assert reply.status_code == 200
    assert b"Enter a valid email address" in reply.content
    assert not Contact.objects.exists()


def test_the_home_page_counts_what_the_mirror_holds(client: Client) -> None:
    Contact.objects.create(email="ada@example.org")
    Contact.objects.create(email="bob@example.org", unsubscribed=True)

    page = client.get("/").content.decode()

    assert '<th scope="row">Contacts</th><td>2</td>' in page
    assert '<th scope="row">of them unsubscribed</th><td>1</td>' in page
