"""The demo with a real account: it is read, and never written."""

from __future__ import annotations

from django.core.management import call_command

from django_resend.conf import resend_settings
from django_resend.management.output import duration
from django_resend.models import Contact, Segment, SegmentMembership
from django_resend.sync.plan import plan_pull
from django_resend.sync.pull import pull_all
from example_project.demo.console import Console
from example_project.demo.errors import DemoFailed


def show_live(console: Console) -> bool:
    """Pull the account that the key belongs to; whether all of it could be read."""
    if resend_settings.may_push:
        raise DemoFailed("The settings file names DIRECTION in RESEND; set it to 'pull' first.")
    with console.step("Prepare an empty database"):
        call_command("migrate", verbosity=0)
    with console.step("Pull contacts and memberships") as step:
        shallow = pull_all(deep=False, progress=step)
        step.result = f"{shallow.calls:,} calls"
    plan = plan_pull(shallow=False)
    console.line(
        f"    Properties and topics need {plan.calls:,} calls: about "
        f"{duration(plan.calls / plan.rate)} at {plan.rate:,.1f} calls a second."
    )
    with console.step("Pull properties and topics") as step:
        deep = pull_all(shallow=False, progress=step)
        step.result = f"{deep.calls:,} calls"
    console.line()
    console.line(
        f"{Contact.objects.count():,} contacts, {Segment.objects.count():,} segments, "
        f"{SegmentMembership.objects.count():,} memberships, "
        f"{shallow.calls + deep.calls:,} calls. Nothing was written to Resend."
    )
    return shallow.complete and deep.complete
