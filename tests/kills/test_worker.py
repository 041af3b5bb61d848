"""A Celery worker killed at any line: the next one finishes what it began."""

from __future__ import annotations

import time

import pytest
from celery import Celery

from django_resend.models import Contact, OutboxEntry, Segment
from tests.oracle import differences

from .conftest import PATIENCE_SECONDS, Machine

pytestmark = pytest.mark.slow

WORKER = ("-m", "celery", "--app=tests.celery_app", "worker", "--pool=solo", "--loglevel=WARNING")
FEW = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def ask(machine: Machine, task: str) -> None:
    """Put a task into the folder that the workers read."""
    folder = machine.env["TEST_BROKER_DIR"]
    options = {"data_folder_in": f"{folder}/messages", "data_folder_out": f"{folder}/messages"}
    site = Celery(broker="filesystem://localhost", set_as_current=False)
    site.conf.broker_transport = "example_project.broker:Transport"
    site.conf.broker_transport_options = {**options, "control_folder": f"{folder}/control"}
    site.send_task(f"django_resend.{task}")
    site.close()


def wait_until_equal(machine: Machine) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while differences(machine.fake, deep=False) or OutboxEntry.objects.exists():
        assert time.monotonic() < deadline, differences(machine.fake, deep=False)[:5]
        time.sleep(0.1)


@pytest.mark.parametrize("task", ["pull", "push"])
def test_the_worker_after_a_killed_one_finishes_its_task(broker: Machine, task: str) -> None:
    if task == "pull":
        broker.fake.dashboard.seed(contacts=600, segments=4)
    else:
        friends = Segment.objects.create(name="Friends")
        people = Contact.objects.bulk_create(
            Contact(email=f"new{number}@example.org") for number in range(30)
        )
        friends.contacts.add(*people)

    ask(broker, task)
    worker = broker.start(*WORKER, *FEW)
    assert broker.kill_after(worker, calls=broker.chance.randint(2, 10))
    assert differences(broker.fake, deep=False)

    # The periodic task comes again.
    ask(broker, task)
    worker = broker.start(*WORKER, *FEW)
    try:
        wait_until_equal(broker)
    finally:
        worker.kill()
        worker.communicate()
    assert differences(broker.fake, deep=False) == []
