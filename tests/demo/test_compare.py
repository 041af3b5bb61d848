"""The demo's comparison sees every way in which two sides can differ."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from django_resend.models import (
    Contact,
    ContactProperty,
    Segment,
    SegmentMembership,
    Topic,
    TopicSubscription,
)
from django_resend.sync.pull import pull_all
from django_resend.testing import FakeResend
from example_project.demo.compare import differences, values_compared
from example_project.demo.console import Console
from example_project.demo.fake import Fake
from example_project.demo.show import compare_sides
from example_project.newsletter.management.commands import demo

pytestmark = pytest.mark.django_db


@pytest.fixture
def fake(resend_fake: FakeResend) -> FakeResend:
    """A fake whose state has been pulled."""
    resend_fake.dashboard.seed(20, segments=["One", "Two"], topics=2, properties=["plan"])
    pull_all()
    return resend_fake


def test_after_a_pull_nothing_differs(fake: FakeResend) -> None:
    assert differences(fake.state()) == []
    assert values_compared(fake.state()) > 20 * 7


AT_RESEND: dict[str, Callable[[FakeResend], object]] = {
    "name": lambda fake: fake.dashboard.edit_contact("person1@example.org", first_name="X"),
    "opt-out": lambda fake: fake.dashboard.unsubscribe("person1@example.org"),
    "property": lambda fake: fake.dashboard.edit_contact(
        "person1@example.org", properties={"plan": "X"}
    ),
    "choice": lambda fake: fake.dashboard.choose_topic("person1@example.org", "Topic_1", "opt_out"),
    "member": lambda fake: fake.dashboard.add_to_segment("person1@example.org", "One"),
    "stranger": lambda fake: fake.dashboard.create_contact("new@example.org"),
    "gone": lambda fake: fake.dashboard.delete_contact("person1@example.org"),
    "segment": lambda fake: fake.dashboard.rename_segment("One", "X"),
    "topic": lambda fake: fake.dashboard.edit_topic("Topic_1", description="X"),
    "definition": lambda fake: fake.dashboard.create_property("seats", "number"),
}


@pytest.mark.parametrize("name", AT_RESEND)
def test_a_change_at_resend_shows(fake: FakeResend, name: str) -> None:
    AT_RESEND[name](fake)
    assert len(differences(fake.state())) == 1


HERE: dict[str, Callable[[Contact], object]] = {
    "name": lambda one: Contact.untracked.filter(pk=one.pk).update(last_name="X"),
    "property": lambda one: Contact.untracked.filter(pk=one.pk).update(properties={}),
    "choice": lambda one: TopicSubscription.untracked.filter(
        contact=one, topic__name="Topic_1"
    ).update(subscription="opt_out"),
    "member": lambda one: SegmentMembership.untracked.filter(contact=one).delete(),
    "segment": lambda one: Segment.untracked.filter(name="One").update(name="X"),
    "topic": lambda one: Topic.untracked.filter(name="Topic_1").update(visibility="public"),
    "definition": lambda one: ContactProperty.untracked.update(fallback_value="X"),
    "not pushed": lambda one: Segment.objects.create(name="New"),
}


@pytest.mark.parametrize("name", HERE)
def test_a_change_here_shows(fake: FakeResend, name: str) -> None:
    HERE[name](Contact.objects.get(email="person1@example.org"))
    assert differences(fake.state())


def test_differences_are_shown_and_counted(fake: FakeResend) -> None:
    out = io.StringIO()
    assert compare_sides(Console(out), Fake(fake.url))

    fake.dashboard.edit_contact("person1@example.org", first_name="Ännchen")
    assert not compare_sides(Console(out), Fake(fake.url))

    first, second, line = out.getvalue().splitlines()
    assert re.search(r"equal in [\d,]+ values", first)
    assert "differences: 1" in second
    assert "first_name is 'Person 1' here, 'Ännchen' at Resend" in line


def test_a_difference_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo.Command, "_run", lambda self, **options: False)
    with pytest.raises(CommandError, match="not equal") as caught:
        call_command("demo", once=True)
    assert caught.value.returncode == 1


def test_a_choice_that_is_the_topics_default_is_no_difference(fake: FakeResend) -> None:
    fake.dashboard.choose_topic("person1@example.org", "Topic_1", "opt_in")
    assert differences(fake.state()) == []


def test_what_was_refused_is_told_in_the_vendors_words(fake: FakeResend) -> None:
    from django_resend.sync.push import push_outbox

    fake.faults.add(status=422, times=1, route="PATCH /contacts/{id}")
    contact = Contact.objects.get(email="person1@example.org")
    contact.last_name = "X"
    contact.save()
    push_outbox()

    found = differences(fake.state())
    assert any(line.startswith("not pushed: contact") and "validation" in line for line in found)
