"""How long ``segment.contacts.add`` of many contacts takes, outbox included.

Against ``bulk_create`` of the bare through rows. No call is made.
Usage as a child process: python -m tests.benchmarks.adding fill|outbox|bare SIZE
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from .databases import Databases, child_env

ROOT = Path(__file__).parents[2]
MODES = ("outbox", "bare")

Results = dict[str, list[dict[str, Any]]]


def measure(databases: Databases, size: int, repeat: int) -> Results:
    found: Results = {mode: [] for mode in MODES}
    for _ in range(repeat):
        for mode in MODES:
            env = child_env(databases.fresh())
            _child(env, "fill", size)
            found[mode].append({"size": size, **_child(env, mode, size)})
    return found


def print_table(found: Results) -> None:
    bare = median([one["seconds"] for one in found["bare"]])
    sys.stdout.write(f"\nadding {found['bare'][0]['size']:,} contacts to a segment\n")
    for mode, runs in found.items():
        seconds = sorted(one["seconds"] for one in runs)
        one = runs[0]
        sys.stdout.write(
            f"{mode:8}{median(seconds):8.2f} s ({seconds[0]:.2f} to {seconds[-1]:.2f})"
            f"{median(seconds) / bare:7.2f} x bare"
            f"{one['statements']:6} queries{one['peak_megabytes']:7.0f} MB\n"
        )


def _child(env: dict[str, str], mode: str, size: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.adding", mode, str(size)]
    done = subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def child(mode: str, size: int) -> dict[str, Any]:
    import django

    django.setup()
    from django_resend.models import Contact, OutboxEntry, Segment, SegmentMembership

    from .meter import Meter

    if mode == "fill":
        Segment.untracked.create(name="Added")
        Contact.untracked.bulk_create(
            [Contact(email=f"p{n}@example.org", email_key=f"p{n}@example.org") for n in range(size)]
        )
        return {}
    segment = Segment.objects.get()
    contacts = list(Contact.objects.order_by("pk"))

    def bare() -> None:
        SegmentMembership.untracked.bulk_create(
            [SegmentMembership(contact=contact, segment=segment) for contact in contacts]
        )

    meter = Meter()
    meter.run(bare if mode == "bare" else lambda: segment.contacts.add(*contacts))
    assert SegmentMembership.untracked.count() == size
    entries = OutboxEntry.objects.filter(kind=Contact.kind).count()
    assert entries == (0 if mode == "bare" else size)
    return meter.report()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(child(sys.argv[1], int(sys.argv[2]))) + "\n")
