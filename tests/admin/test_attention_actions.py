"""What needs attention can be answered for many contacts at once."""

from __future__ import annotations

import pytest
from django.test import Client

from django_resend.models import Contact, OutboxEntry

from .conftest import ContactMaker
from .pages import finish_action, start_action, told, url


@pytest.fixture
def flagged(make_contacts: ContactMaker) -> list[Contact]:
    contacts = make_contacts(3)
    for contact, attention in zip(contacts, ("held", "recalled", ""), strict=True):
        Contact.untracked.filter(pk=contact.pk).update(
            attention=attention,
            unsubscribed=True,
            remote_id=f"id-{contact.pk}",
            base={"email": contact.email, "unsubscribed": True},
        )
    OutboxEntry.objects.all().delete()
    return contacts


def attentions(contacts: list[Contact]) -> list[str]:
    return [Contact.objects.get(pk=contact.pk).attention for contact in contacts]


def test_mark_as_seen_takes_the_flags_and_sends_nothing(
    client: Client, flagged: list[Contact]
) -> None:
    page = start_action(client, url(Contact), "mark_seen", [c.pk for c in flagged])
    assert "2 of them need attention" in page.content.decode()
    assert attentions(flagged) == ["held", "recalled", ""]

    done = finish_action(client, url(Contact), page)

    assert "2 contacts were answered." in told(done)
    assert attentions(flagged) == ["", "", ""]
    assert not OutboxEntry.objects.exists()


def test_keep_opted_out_answers_the_held_ones_only(client: Client, flagged: list[Contact]) -> None:
    page = start_action(client, url(Contact), "keep_opted_out", [c.pk for c in flagged])
    assert "1 of them opted in at Resend" in page.content.decode()

    finish_action(client, url(Contact), page)

    assert attentions(flagged) == ["", "recalled", ""]
    assert [entry.object_id for entry in OutboxEntry.objects.all()] == [flagged[0].pk]
    assert Contact.objects.get(pk=flagged[0].pk).unsubscribed
