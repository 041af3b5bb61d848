"""This project, used as its documentation says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django_resend.models import (
    Contact,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox

from ..scenarios import Person


def pull() -> None:
    pull_all(deep=False)


def deep_pull() -> None:
    pull_all(shallow=False)


def create(people: Sequence[Person]) -> None:
    segments = {segment.name: segment for segment in Segment.objects.all()}
    topics = {topic.name: topic for topic in Topic.objects.all()}
    contacts = Contact.objects.bulk_create(
        Contact(
            email=person["email"],
            first_name=person["first_name"],
            unsubscribed=person["unsubscribed"],
            properties=person["properties"],
        )
        for person in people
    )
    SegmentMembership.objects.bulk_create(
        SegmentMembership(contact=contact, segment=segments[name])
        for contact, person in zip(contacts, people, strict=True)
        for name in person["segments"]
    )
    TopicSubscription.objects.bulk_create(
        TopicSubscription(contact=contact, topic=topics[name], subscription=choice)
        for contact, person in zip(contacts, people, strict=True)
        for name, choice in person["topics"].items()
    )
    _push()


def edit(first_names: Mapping[str, str]) -> None:
    for email, first_name in first_names.items():
        contact = Contact.objects.get(email=email)
        contact.first_name = first_name
        contact.save()
    _push()


def join(emails: Sequence[str], segment: str) -> None:
    Segment.objects.get(name=segment).contacts.add(*Contact.objects.filter(email__in=emails))
    _push()


def leave(emails: Sequence[str], segment: str) -> None:
    Segment.objects.get(name=segment).contacts.remove(*Contact.objects.filter(email__in=emails))
    _push()


def _push() -> None:
    while push_outbox().more:
        pass
