"""A pull understands every disputed behaviour of Resend in either way."""

from __future__ import annotations

import pytest

from django_resend.models import Contact, Topic, TopicSubscription
from django_resend.sync.pull import pull_all
from django_resend.sync.push.plan import plan_push
from django_resend.testing import FakeResend
from django_resend.testing.quirks import QUIRKS
from tests.oracle import differences

from .helpers import later

pytestmark = pytest.mark.django_db

SIDES = [(name, value) for name, quirk in QUIRKS.items() for value in quirk.values]


@pytest.mark.parametrize(("name", "value"), SIDES, ids=[f"{n}={v}" for n, v in SIDES])
def test_a_pull_and_the_next_are_complete_with_either_side(
    resend_fake: FakeResend, name: str, value: str
) -> None:
    resend_fake.quirks[name] = value
    act = resend_fake.dashboard
    act.seed(contacts=9, segments=1, topics=2, properties=["plan"], unsubscribed_every=4)
    act.create_property("seats", "number")
    act.create_contact("Ada@Example.org", last_name="", properties={"seats": 2.5})

    assert pull_all().complete
    assert differences(resend_fake) == []

    act.edit_contact("person1@example.org", first_name="", properties={"plan": None, "seats": 3})
    act.choose_topic("person2@example.org", "Topic_1", "opt_out")
    act.remove_from_segment("person3@example.org", "Segment_1")
    act.delete_contact("person4@example.org")
    with later():
        assert pull_all().complete
    assert differences(resend_fake) == []


@pytest.mark.parametrize("contacts", [99, 100, 101])
def test_the_end_of_a_list_is_found_without_has_more(
    resend_fake: FakeResend, contacts: int
) -> None:
    resend_fake.quirks["has_more"] = "missing"
    resend_fake.dashboard.seed(contacts=contacts)

    assert pull_all().complete
    assert differences(resend_fake) == []


def test_topics_without_a_choice_get_no_row_where_resend_lists_only_choices(
    resend_fake: FakeResend,
) -> None:
    resend_fake.quirks["topics_listing"] = "explicit"
    resend_fake.dashboard.create_topic("News", "opt_out")
    resend_fake.dashboard.create_contact("ada@example.org")

    pull_all()

    assert not TopicSubscription.objects.exists()
    assert Topic.objects.get().default_subscription == "opt_out"


def test_values_that_resend_shows_for_unset_properties_are_kept_as_shown(
    resend_fake: FakeResend,
) -> None:
    resend_fake.quirks["fallback_in_get"] = "yes"
    resend_fake.dashboard.create_property("plan", fallback_value="free")
    resend_fake.dashboard.create_contact("ada@example.org")

    pull_all()

    assert Contact.objects.get().properties == {"plan": "free"}


@pytest.mark.parametrize("name", ["A\0da", "\0"])
def test_text_that_no_database_keeps_stops_nobody(resend_fake: FakeResend, name: str) -> None:
    resend_fake.dashboard.seed(contacts=3)
    resend_fake.dashboard.create_contact("odd@example.org", first_name=name)

    pull_all()

    assert Contact.objects.count() == 4
    odd = Contact.objects.get(email="odd@example.org")
    assert "\N{REPLACEMENT CHARACTER}" in odd.first_name
    assert odd.raw["first_name"] == odd.first_name
    with later():
        assert pull_all(deep=False).counts["contacts_unchanged"] == 4
    assert plan_push().calls == 0
