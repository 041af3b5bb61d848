"""B0: signal receivers that call the official SDK, as most sites begin."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import resend
from django.db.models.signals import m2m_changed, post_save

from ..plain.models import Choice, Contact, Segment, Topic
from ..scenarios import Person
from .script import pull

__all__ = ["create", "edit", "join", "leave", "pull"]

resend.api_key = "re_test"
resend.api_url = os.environ["RESEND_BASE_URL"]


def on_contact(instance: Contact, created: bool, **kwargs: Any) -> None:
    fields: Any = {
        "email": instance.email,
        "first_name": instance.first_name,
        "unsubscribed": instance.unsubscribed,
        "properties": instance.properties,
    }
    if created:
        instance.remote_id = resend.Contacts.create(fields)["id"]
        Contact.objects.filter(pk=instance.pk).update(remote_id=instance.remote_id)
    else:
        resend.Contacts.update(fields)


def on_membership(
    instance: Contact | Segment, action: str, pk_set: set[int] | None, **kwargs: Any
) -> None:
    if action not in ("post_add", "post_remove"):
        return
    call: Any = (
        resend.Contacts.Segments.add if action == "post_add" else resend.Contacts.Segments.remove
    )
    for pk in pk_set or ():
        if isinstance(instance, Segment):
            contact, segment = Contact.objects.get(pk=pk), instance
        else:
            contact, segment = instance, Segment.objects.get(pk=pk)
        call({"contact_id": contact.remote_id, "segment_id": segment.remote_id})


def on_choice(instance: Choice, **kwargs: Any) -> None:
    choice: Any = {"id": instance.topic.remote_id, "subscription": instance.subscription}
    resend.Contacts.Topics.update({"id": str(instance.contact.remote_id), "topics": [choice]})


def connect() -> None:
    post_save.connect(on_contact, sender=Contact)
    m2m_changed.connect(on_membership, sender=Contact.segments.through)
    post_save.connect(on_choice, sender=Choice)


def create(people: Sequence[Person]) -> None:
    connect()
    segments = {segment.name: segment for segment in Segment.objects.all()}
    topics = {topic.name: topic for topic in Topic.objects.all()}
    for person in people:
        contact = Contact.objects.create(
            email=person["email"],
            first_name=person["first_name"],
            unsubscribed=person["unsubscribed"],
            properties=person["properties"],
        )
        contact.segments.add(*(segments[name] for name in person["segments"]))
        for name, choice in person["topics"].items():
            Choice.objects.create(contact=contact, topic=topics[name], subscription=choice)


def edit(first_names: Mapping[str, str]) -> None:
    connect()
    for email, first_name in first_names.items():
        contact = Contact.objects.get(email=email)
        contact.first_name = first_name
        contact.save()


def join(emails: Sequence[str], segment: str) -> None:
    connect()
    Segment.objects.get(name=segment).contacts.add(*Contact.objects.filter(email__in=emails))


def leave(emails: Sequence[str], segment: str) -> None:
    Segment.objects.get(name=segment).contacts.remove(*Contact.objects.filter(email__in=emails))
