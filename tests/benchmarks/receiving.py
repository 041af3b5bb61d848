"""The webhook endpoint, against a bare view that verifies with the published library and inserts.

Requests go through Django's handler, in turns and in one process. No worker runs: what a request
to it costs is in ours, as often as one is due.
Usage as a child process: python -m tests.benchmarks.receiving SIZE
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
PATHS = {"ours": "/resend/webhook/", "bare": "/bare/"}
WARM_UP = 200

Results = dict[str, list[dict[str, Any]]]


def measure(databases: Databases, size: int, repeat: int) -> Results:
    found: Results = {name: [] for name in PATHS}
    for _ in range(repeat):
        for name, told in _child(child_env(databases.fresh()), size).items():
            found[name].append(told)
    return found


def print_table(found: Results) -> None:
    sys.stdout.write(f"\nreceiving {found['ours'][0]['requests']:,} webhooks, one at a time\n")
    floor = {key: _median(found["bare"], key) for key in ("mean_us", "median_us", "p95_us")}
    for name, runs in found.items():
        cells = [
            f"{key.removesuffix('_us')} {_median(runs, key):6.0f} µs "
            f"({_median(runs, key) / floor[key]:.2f} x bare)"
            for key in floor
        ]
        per_second = 1e6 / _median(runs, "mean_us")
        sys.stdout.write(f"{name:6}{per_second:7,.0f} a second   {'   '.join(cells)}\n")


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return float(statistics.median(run[key] for run in runs))


def _child(env: dict[str, str], size: int) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-m", "tests.benchmarks.receiving", str(size)]
    done = subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return told


def child(size: int) -> dict[str, dict[str, Any]]:
    import django

    django.setup()
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import RequestFactory

    from django_resend.models import WebhookEvent
    from django_resend.testing.webhooks import sign

    from .plain.models import PlainEvent
    from .settings import WEBHOOK_SECRET

    handler, factory = WSGIHandler(), RequestFactory()
    timestamp = str(int(time.time()))

    def request(path: str, number: int) -> dict[str, Any]:
        data = {
            "id": f"0d3e6f52-7c1b-4b7e-9a55-{number:012}",
            "email": f"p{number}@example.org",
            "first_name": "Ada",
            "last_name": None,
            "unsubscribed": True,
            "segment_ids": ["5f0c6f52-7c1b-4b7e-9a55-3f7f0f2f9d10"],
            "created_at": "2026-03-04T05:06:07.842Z",
            "updated_at": "2026-09-21T13:33:19.900Z",
        }
        event = {"type": "contact.updated", "created_at": "2026-09-21T13:33:20.000Z", "data": data}
        body, message_id = json.dumps(event).encode(), f"msg_{number}"
        headers = {
            "svix-id": message_id,
            "svix-timestamp": timestamp,
            "svix-signature": sign(WEBHOOK_SECRET, message_id, timestamp, body),
        }
        made = factory.post(path, body, content_type="application/json", headers=headers)
        environ: dict[str, Any] = made.environ
        return environ

    def note(status: str, headers: Any, error: Any = None, /) -> Callable[[bytes], object]:
        statuses.add(status)
        return lambda body: None

    taken: dict[str, list[float]] = {name: [] for name in PATHS}
    statuses: set[str] = set()
    for number in range(size + WARM_UP):
        # Each goes first as often as the other.
        for name in sorted(PATHS, reverse=bool(number % 2)):
            environ = request(PATHS[name], number)
            started = time.perf_counter()
            response = handler(environ, note)
            response.close()
            taken[name].append(time.perf_counter() - started)
    assert statuses == {"204 No Content"}, statuses
    assert WebhookEvent.objects.count() == PlainEvent.objects.count() == size + WARM_UP
    return {name: _figures(times[WARM_UP:]) for name, times in taken.items()}


def _figures(times: list[float]) -> dict[str, Any]:
    return {
        "requests": len(times),
        "mean_us": statistics.fmean(times) * 1e6,
        "median_us": statistics.median(times) * 1e6,
        "p95_us": statistics.quantiles(times, n=20)[-1] * 1e6,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(child(int(sys.argv[1]))) + "\n")
