"""How soon a full mirror answers: lists of the admin and the API, and a claim of the outbox.

Usage as a child process: python -m tests.benchmarks.large SIZE REPEAT
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .databases import Databases, child_env

ROOT = Path(__file__).parents[2]
BATCH = 5_000
ONE_IN = 10
"""So many of the contacts have a change that waits in the outbox."""

Results = dict[str, list[float]]


def measure(databases: Databases, size: int, repeat: int) -> Results:
    """Seconds of each answer, the first ever (caches cold) first."""
    env = {**child_env(databases.fresh()), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    migrate = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
    subprocess.run(migrate, env=env, cwd=ROOT, check=True)
    command = [sys.executable, "-m", "tests.benchmarks.large", str(size), str(repeat)]
    done = subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: Results = json.loads(done.stdout)
    return found


def print_table(found: Results) -> None:
    sys.stdout.write(f"\n{'a full mirror':42}{'first':>9}{'median':>9}{'slowest':>9}  seconds\n")
    for name, seconds in found.items():
        median, slowest = statistics.median(seconds), max(seconds)
        sys.stdout.write(f"{name:42}{seconds[0]:9.3f}{median:9.3f}{slowest:9.3f}\n")


def child(size: int, repeat: int) -> Results:
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.db import connection, transaction
    from django.test import Client
    from django.test.utils import setup_test_environment

    from django_resend.models import SyncRun
    from django_resend.sync.push.claims import claim

    setup_test_environment()
    _fill(size)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    run = SyncRun.objects.create(action=SyncRun.Action.PUSH, owner="benchmark")
    browser = Client(raise_request_exception=True)
    browser.force_login(get_user_model().objects.create_superuser("marta", "m@example.org", "x"))

    def page(address: str) -> Callable[[], object]:
        def get() -> object:
            answer = browser.get(address)
            assert answer.status_code == 200, (address, answer.status_code)
            return answer

        return get

    def claim_some() -> None:
        with transaction.atomic():
            assert len(claim(100, run.pk)) == 100
            transaction.set_rollback(True)

    last = f"person{size - 1}@example.org"
    contacts, entries = "/admin/django_resend/contact/", "/admin/django_resend/outboxentry/"
    works: dict[str, Callable[[], object]] = {
        "admin: contacts": page(contacts),
        "admin: contacts, a far page": page(f"{contacts}?p={min(size // 100, 1_000)}"),
        "admin: contacts, one address": page(f"{contacts}?q={last}"),
        "admin: contacts, names that begin alike": page(f"{contacts}?q=Person+12"),
        "admin: contacts, unsubscribed": page(f"{contacts}?unsubscribed__exact=1"),
        "admin: outbox": page(entries),
        "API: contacts": page("/api/contacts/"),
        "API: contacts, one address": page(f"/api/contacts/?email={last}"),
        "API: contacts, unsubscribed": page("/api/contacts/?unsubscribed=true"),
        "outbox: claim 100": claim_some,
    }
    return {name: [_seconds(work) for _ in range(repeat)] for name, work in works.items()}


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _fill(size: int) -> None:
    from django_resend.models import Contact, Kind, OutboxEntry, Segment, SegmentMembership

    segment = Segment.untracked.create(name="Everybody")
    for start in range(0, size, BATCH):
        contacts = Contact.untracked.bulk_create(
            Contact(
                email=f"person{n}@example.org",
                email_key=f"person{n}@example.org",
                first_name=f"Person {n}",
                unsubscribed=n % 20 == 0,
                remote_id=f"0d3e6f52-7c1b-4b7e-9a55-{n:012}",
            )
            for n in range(start, min(start + BATCH, size))
        )
        SegmentMembership.untracked.bulk_create(
            SegmentMembership(contact=contact, segment=segment) for contact in contacts
        )
        OutboxEntry.objects.record(Kind.CONTACT, [one.pk for one in contacts[::ONE_IN]])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(child(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
