"""A plan: what a run would cost, told without a call and kept by the run."""

from __future__ import annotations

from typing import Any

import pytest

from django_resend.models import CallBudget, Contact, ContactProperty, Segment, Topic
from django_resend.sync.plan import Plan, Stage, plan_pull
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.sync.push.plan import plan_push
from django_resend.testing import FakeResend

from .helpers import formula, later

pytestmark = pytest.mark.django_db


def stages(plan: Plan) -> dict[str, int]:
    return {stage.name: stage.calls for stage in plan.stages}


@pytest.mark.parametrize(
    ("rate", "seconds"), [(2.0, 50.0), (9.5, 100 / 9.5), (1000.0, 0.0)], ids=["2", "9.5", "any"]
)
def test_a_plan_is_priced_by_the_rate(rate: float, seconds: float) -> None:
    plan = Plan([Stage("contacts", 60), Stage("memberships", 40, exact=False)], rate)

    assert (plan.calls, plan.exact) == (100, False)
    assert plan.seconds == pytest.approx(seconds)


def test_the_rate_is_the_one_learned_last(settings: Any) -> None:
    settings.RESEND = {"API_KEY": "re_test", "LIMITER": "database"}
    assert plan_pull().rate == 2.0

    CallBudget.objects.create(team="team", limit=10)
    assert plan_pull().rate == 9.5


@pytest.mark.parametrize(
    ("shallow", "deep"),
    [(True, False), (False, True), (True, True)],
    ids=["shallow", "deep", "all"],
)
def test_the_plan_of_a_pull_is_what_the_next_one_costs(
    resend_fake: FakeResend, shallow: bool, deep: bool
) -> None:
    resend_fake.dashboard.seed(contacts=150, segments=2, topics=1, properties=1)
    pull_all()
    resend_fake.ledger.reset()

    plan = plan_pull(shallow=shallow, deep=deep)
    assert resend_fake.ledger.total == 0

    with later():
        report = pull_all(shallow=shallow, deep=deep)
    assert plan.calls == report.calls
    if shallow:
        assert plan.calls == formula(resend_fake, deep=deep)


def test_a_plan_from_an_empty_mirror_admits_to_be_a_guess() -> None:
    assert stages(plan_pull()) == {"definitions": 3, "contacts": 1, "memberships": 0}
    assert not plan_pull().exact


def test_the_plan_of_a_push_is_what_it_costs(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=6, segments=1, topics=1, properties=["plan"])
    pull_all()
    resend_fake.ledger.reset()
    segment, topic = Segment.objects.get(), Topic.objects.get()
    people = list(Contact.objects.order_by("pk"))
    people[0].first_name = "Ada"
    people[0].save()
    people[1].opt_out(topic)
    people[2].segments.clear()
    people[3].delete()
    new = Contact.objects.create(email="new@example.org", properties={"plan": "pro"})
    new.segments.add(segment)
    Segment.objects.create(name="Friends")
    ContactProperty.objects.create(key="seats", type="number")

    plan = plan_push()

    assert resend_fake.ledger.total == 0
    assert stages(plan) == {
        "definitions": 3,
        "new contacts": 2,
        "changed contacts": 1,
        "topic choices": 2,
        "memberships": 1,
        "deletions": 1,
    }
    assert push_outbox().calls == plan.calls == 10


def test_a_change_that_was_undone_costs_nothing(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=1)
    pull_all()
    contact = Contact.objects.get()
    for name in ("Ada", "Person 1"):
        contact.first_name = name
        contact.save()
    resend_fake.ledger.reset()

    assert plan_push().calls == 0
    assert push_outbox().calls == resend_fake.ledger.total == 0


def test_nothing_to_push_is_an_empty_plan() -> None:
    plan = plan_push()

    assert (plan.stages, plan.calls, plan.exact) == ([], 0, True)
