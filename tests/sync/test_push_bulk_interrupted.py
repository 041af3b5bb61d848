"""A push by imports that dies, or is refused, at any of its calls: the next one goes on."""

from __future__ import annotations

from contextlib import suppress

import pytest

from django_resend.client import errors
from django_resend.models import Contact, OutboxEntry, Segment, Topic, TopicSubscription
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend

from .bulk import IMPORT, calls, in_step, known
from .helpers import Throttle, client_of, later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sleeps", "imports_from_three"),
]


class Killed(BaseException):
    """Stands for a process that ends at once."""


def die() -> None:
    raise Killed


@pytest.fixture
def site(resend_fake: FakeResend) -> FakeResend:
    """Newcomers of whom each was opted in to a topic that nobody gets by default."""
    resend_fake.quirks["import_seconds"] = 0.01
    resend_fake.dashboard.create_topic("Club", "opt_out")
    resend_fake.dashboard.create_segment("VIP")
    pull_all()
    people = [Contact(email=f"p{n}@example.org") for n in range(4)]
    Contact.objects.bulk_create(people)
    club = Topic.objects.get()
    TopicSubscription.objects.bulk_create(
        TopicSubscription(contact=person, topic=club, subscription="opt_in") for person in people
    )
    return resend_fake


def settled(site: FakeResend) -> bool:
    with later(hours=2):
        push_outbox()
    with later(hours=4):
        push_outbox()
    return in_step(site)


@pytest.mark.parametrize("call", range(1, 9))
def test_killed_before_any_call(site: FakeResend, call: int) -> None:
    with suppress(Killed):
        push_outbox(client=client_of(site, Throttle(call, die)))
    assert settled(site)
    assert set(TopicSubscription.objects.values_list("subscription", flat=True)) == {"opt_in"}


@pytest.mark.parametrize("times", [2, 3])
def test_an_import_whose_answer_is_always_lost_is_sent_by_a_later_push(
    site: FakeResend, times: int
) -> None:
    site.faults.add("status", status=500, route=IMPORT, times=times)
    with suppress(errors.ResendError):
        push_outbox()
    assert settled(site)


def test_a_wrong_key_gives_everything_back(site: FakeResend) -> None:
    site.faults.add("status", status=401, name="restricted_api_key", route=IMPORT)
    with pytest.raises(errors.AccessRefused):
        push_outbox()
    assert settled(site)


def test_contacts_edited_after_they_were_counted_go_the_single_way(site: FakeResend) -> None:
    known(site, 3)
    with later():
        push_outbox()
        Contact.objects.update(first_name="Ada")

        def edit() -> None:
            for contact in Contact.objects.all():
                contact.last_name = f"of {contact.pk}"
                contact.save()

        push_outbox(client=client_of(site, Throttle(1, edit)))
    assert settled(site)


@pytest.mark.parametrize("gone", ["segment", "topic"])
def test_an_import_that_names_what_is_gone_at_resend_sends_its_contacts_one_by_one(
    resend_fake: FakeResend, gone: str
) -> None:
    people = known(resend_fake, 4, segments=["VIP"], topics=["News"])
    if gone == "segment":
        Segment.objects.get().contacts.clear()
        push_outbox()
        Segment.objects.get().contacts.add(*people)
        resend_fake.dashboard.delete_segment("VIP")
    else:
        for person in people:
            person.opt_out(Topic.objects.get())
        resend_fake.dashboard.delete_topic("News")
    made = calls(resend_fake, push_outbox)
    assert made[IMPORT] == 1
    with later():
        pull_all(allow_deletions=True)
    OutboxEntry.objects.make_due(OutboxEntry.objects.all())
    assert settled(resend_fake)
