"""An outbox with one of everything in it."""

from __future__ import annotations

from django_resend.models import Contact, ContactProperty, Segment, Topic
from django_resend.sync.pull import pull_all

from .edits import furnish
from .witness import Witness


def fill(fake: Witness) -> None:
    """A mirror in step with a small team, and then a change of every sort waiting in the outbox."""
    board = fake.dashboard
    furnish(fake)
    board.create_contact("ada@example.org", segments=["VIP"], properties={"plan": "pro"})
    board.create_contact("bob@example.org", unsubscribed=True, topics={"Offers": "opt_out"})
    board.create_contact("cem@example.org", segments=["VIP"])
    board.create_contact("dan@example.org", unsubscribed=True, topics={"Events": "opt_out"})
    board.create_contact(
        "eve@example.org",
        unsubscribed=True,
        segments=["VIP", "Trial"],
        topics={"Offers": "opt_out"},
        properties={"plan": "free"},
    )
    board.create_contact("gil@example.org", unsubscribed=True)
    pull_all()
    _change()
    fake.ledger.reset()
    fake.writes.clear()


def _change() -> None:
    fresh = Segment.objects.create(name="Fresh")
    launches = Topic.objects.create(name="Launches", default_subscription="opt_in")
    ContactProperty.objects.create(key="seats", type="number")
    offers, events = Topic.objects.get(name="Offers"), Topic.objects.get(name="Events")
    vip = Segment.objects.get(name="VIP")
    Segment.objects.filter(name="News readers").update(name="Readers")
    Topic.objects.filter(name="Events").update(description="Where we meet")
    Segment.objects.get(name="Trial").delete()

    new = Contact.objects.create(
        email="new@example.org", first_name="New", properties={"plan": "pro", "seats": 3}
    )
    new.segments.add(vip, fresh)
    new.opt_out(offers)
    new.opt_in(launches, by="clerk", reason="ticked the box")
    quiet = Contact.objects.create(email="quiet@example.org", unsubscribed=True)
    quiet.opt_out(launches)

    ada = _contact("ada")
    ada.first_name, ada.properties = "Ada", {"plan": "max", "seats": 2}
    ada.save()
    bob = _contact("bob")
    bob.last_name = "Bobson"
    bob.save()
    cem = _contact("cem")
    cem.segments.set([fresh])
    cem.opt_out(events)
    dan = _contact("dan")
    dan.resubscribe(by="clerk", reason="a letter")
    dan.opt_in(events, by="clerk", reason="a letter")
    eve = _contact("eve")
    eve.email = "eva@example.org"
    eve.save()
    _contact("gil").delete()


def _contact(name: str) -> Contact:
    contact: Contact = Contact.objects.for_address(f"{name}@example.org").get()
    return contact
