"""Local changes of every sort, as a site's own code would make them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, QuerySet

from django_resend.models import (
    Contact,
    ContactProperty,
    Kind,
    MembershipRemoval,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)


@dataclass(frozen=True)
class Edited:
    """What waits to be pushed; ``loop_calls``: what a loop over the vendor's SDK would need."""

    objects: int
    memberships: int
    loop_calls: int


def edit() -> Edited:
    """Change contacts and definitions; in one transaction, as in one web request."""
    with transaction.atomic():
        edit_definitions()
        start_campaign()
        edit_fields()
        edit_consent()
        come_and_go()
        return _edited()


def edit_definitions() -> None:
    for segment in Segment.objects.filter(name="VIP"):
        segment.name = "VIP ★ inner circle"
        segment.save()
    Segment.objects.filter(name="Press").delete()
    Topic.objects.filter(name="Offers").update(description="Discounts, bundles & 夏のセール")
    ContactProperty.objects.filter(key="plan").update(fallback_value="starter")
    ContactProperty.objects.create(key="campaign", type="string")
    Topic.objects.create(name="Beta programme", default_subscription="opt_out")


def start_campaign() -> None:
    """A new segment, filled at once; its members leave the trial."""
    segment = Segment.objects.create(name="Winter campaign ❄")
    trial = Segment.objects.get(name="Trial users")
    for contact in _some(Contact.objects.filter(segments=trial, unsubscribed=False), 40):
        contact.segments.add(segment)
        contact.segments.remove(trial)
        contact.properties = {**contact.properties, "campaign": "winter"}
        contact.save()


def edit_fields() -> None:
    Contact.objects.filter(first_name="", last_name="", email__iendswith=".net").update(
        first_name="Reader"
    )
    for contact in _some(Contact.objects.filter(properties__seats__gte=25), 30):
        contact.properties = {**contact.properties, "seats": contact.properties["seats"] + 1}
        contact.last_name = contact.last_name.upper()
        contact.save()
    for contact in _some(Contact.objects.filter(properties__plan="team"), 10):
        del contact.properties["plan"]
        contact.save()


def edit_consent() -> None:
    digest = Topic.objects.get(name="Weekly digest")
    subscribed = Contact.objects.filter(unsubscribed=False)
    for contact in _some(subscribed.filter(email__istartswith="m"), 20):
        contact.opt_out(digest)
    for contact in _some(subscribed.filter(email__istartswith="s"), 5):
        contact.unsubscribed = True
        contact.save()
    asked = {"by": "demo", "reason": "asked for it by phone"}
    for contact in _some(Contact.objects.filter(unsubscribed=True), 2):
        contact.resubscribe(**asked)
    refused = TopicSubscription.objects.filter(topic=digest, subscription="opt_out")
    for choice in refused.order_by("pk").select_related("contact")[:2]:
        choice.contact.opt_in(digest, **asked)


def come_and_go() -> None:
    newsletter = Segment.objects.get(name="Newsletter")
    beta = Topic.objects.get(name="Beta programme")
    for number in range(1, 11):
        contact = Contact.objects.create(
            email=f"new+{number}@example.com",
            first_name="Neue",
            last_name=f"Leserin № {number}",
            properties={"seats": number, "city": "Zürich"},
        )
        contact.segments.set([newsletter])
        contact.opt_in(beta, by="demo", reason="ticked the box")
    for contact in _some(Contact.objects.filter(email__istartswith="k"), 2):
        contact.email = f"moved.{contact.email}"
        contact.save()
    leaving = _some(Contact.objects.filter(email__istartswith="w"), 5)
    Contact.objects.filter(pk__in=[contact.pk for contact in leaving]).delete()


def _some(contacts: QuerySet[Contact], number: int) -> list[Contact]:
    return list(contacts.order_by("email_key")[:number])


def _edited() -> Edited:
    entries = OutboxEntry.objects.all()
    changed = Contact.objects.filter(
        pk__in=entries.filter(kind=Kind.CONTACT, remote_id="").values("object_id")
    )
    members = changed.aggregate(number=Count("segments"))["number"]
    joined = SegmentMembership.objects.filter(confirmed_at=None).count()
    left = MembershipRemoval.objects.count()
    # A contact's fields, its topics and each of its segments; one call for any other object.
    loop_calls = entries.count() + changed.count() + members
    return Edited(entries.count(), joined + left, loop_calls)
