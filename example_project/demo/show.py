"""The demo with a fake Resend, step by step."""

from __future__ import annotations

import os
import time

from django.core.management import call_command

from django_resend.conf import resend_settings
from django_resend.models import (
    Contact,
    ContactProperty,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Topic,
)
from django_resend.sync.pull import pull_all
from example_project.demo.children import Children
from example_project.demo.compare import differences, values_compared
from example_project.demo.console import Console, Step
from example_project.demo.costs import EXPLANATION, Cost, pull_loop, table
from example_project.demo.edits import Edited, edit
from example_project.demo.environment import FAKE_KEY
from example_project.demo.errors import DemoFailed
from example_project.demo.fake import Fake, printed_address
from example_project.demo.fill import fill

PUSH_PATIENCE_SECONDS = 150
"""The worker's own schedule tries again every minute what had to wait."""

DIFFERENCES_SHOWN = 20


def show(console: Console, children: Children) -> bool:
    """Run all steps; whether both sides are equal at the end. Raises ``DemoFailed``."""
    fake = _start(console, children)
    with console.step("Fill it through Resend's own SDK") as step:
        contacts = fill(fake.url, step)
        step.result = f"{contacts:,} contacts"
    costs = [_pull_everything(console, fake)]
    with console.step("Change all sorts of things here") as step:
        edited = edit()
        step.result = f"{edited.objects:,} objects"
    costs.append(_wait_for_push(console, children, fake, edited))
    costs.append(_pull_unsubscribes(console, fake))
    equal = compare_sides(console, fake)
    console.line()
    for line in (*table(costs), "", *EXPLANATION):
        console.line(line)
    return equal


def _start(console: Console, children: Children) -> Fake:
    with console.step("Start a fake Resend and a Celery worker") as step:
        children.start("fake", "django_resend.testing", "--port", "0", "--rate-limit", "0")
        call_command("migrate", verbosity=0)
        log = children.log("fake")
        children.wait_for("The start of the fake", lambda: printed_address(log) is not None)
        fake = Fake(str(printed_address(log)))
        os.environ["RESEND_BASE_URL"] = fake.url
        if (resend_settings.base_url, resend_settings.api_key) != (fake.url, FAKE_KEY):
            raise DemoFailed(
                "The settings file names BASE_URL or API_KEY in RESEND; the demo can't do its "
                "work while they stand there."
            )
        worker = ["-A", "example_project", "worker", "-P", "solo", "-B", "-l", "INFO"]
        lonely = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        children.start("worker", "celery", *worker, *lonely)
        step.result = fake.url
    return fake


def _pull_everything(console: Console, fake: Fake) -> Cost:
    with console.step("Pull everything") as step:
        before = fake.calls()
        _pull(step, deep=True)
        calls = fake.calls() - before
        step.result = f"{calls:,} calls"
    contacts, definitions = Contact.objects.count(), _definitions()
    return Cost(
        "pull everything",
        objects=contacts + sum(definitions),
        memberships=SegmentMembership.objects.count(),
        calls=calls,
        loop_calls=pull_loop(contacts, definitions, calls_a_contact=3),
    )


def _wait_for_push(console: Console, children: Children, fake: Fake, edited: Edited) -> Cost:
    with console.step("Let the worker push the changes") as step:
        before = fake.calls()
        _watch_outbox(children, step)
        calls = fake.calls() - before
        step.result = f"{calls:,} calls"
    return Cost("push the changes", edited.objects, edited.memberships, calls, edited.loop_calls)


def _watch_outbox(children: Children, step: Step) -> None:
    """Wait until nothing is pending; what was refused shows in the comparison."""
    pending = OutboxEntry.objects.filter(state=OutboxEntry.State.PENDING)
    left = pending.count()
    step.stage("objects", left)
    moved = time.monotonic()
    while left:
        children.check()
        if time.monotonic() - moved > PUSH_PATIENCE_SECONDS:
            raise DemoFailed(f"The worker doesn't push; see {children.log('worker')}.")
        time.sleep(0.1)
        now = pending.count()
        if now != left:
            step.advance(left - now)
            left, moved = now, time.monotonic()


def _pull_unsubscribes(console: Console, fake: Fake) -> Cost:
    with console.step("Three people unsubscribe; pull that") as step:
        # What was pushed a moment ago, a pull leaves alone: the list may be older than the push.
        people = Contact.objects.filter(unsubscribed=False, pushed_at=None).order_by("email_key")
        leaving = list(people[:3])
        for contact in leaving:
            fake.unsubscribe(contact.email)
        before = fake.calls()
        _pull(step, deep=False)
        calls = fake.calls() - before
        step.result = f"{calls:,} calls"
    loop_calls = pull_loop(Contact.objects.count(), _definitions(), calls_a_contact=1)
    return Cost("pull the unsubscribes", len(leaving), 0, calls, loop_calls)


def compare_sides(console: Console, fake: Fake) -> bool:
    """Show the differences, if there are any; whether there are none."""
    with console.step("Compare both sides") as step:
        state = fake.state()
        found = differences(state)
        step.result = f"equal in {values_compared(state):,} values"
        if found:
            step.result = f"differences: {len(found):,}"
    for line in found[:DIFFERENCES_SHOWN]:
        console.line(f"    {line}")
    return not found


def _pull(step: Step, *, deep: bool) -> None:
    report = pull_all(deep=deep, progress=step)
    if not report.complete:
        raise DemoFailed(" ".join(report.stopped))


def _definitions() -> tuple[int, int, int]:
    return Segment.objects.count(), Topic.objects.count(), ContactProperty.objects.count()
