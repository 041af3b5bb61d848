"""Four real processes, one budget: none is refused, and little of it is wasted."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from django_resend.testing import FakeResend

RATE = 10
SECONDS = 5

CALLER = """
import django
django.setup()
from django_resend.sync.calls import open_client
client = open_client()
while True:
    client.contacts.page()
"""


@pytest.mark.slow
def test_four_processes_use_the_budget_and_never_exceed_it(child_env: dict[str, str]) -> None:
    fake = FakeResend(rate_limit=RATE)
    with fake.serve():
        env = {**child_env, "RESEND_BASE_URL": fake.url, "RESEND_API_KEY": "re_test"}
        callers = [subprocess.Popen([sys.executable, "-c", CALLER], env=env) for _ in range(4)]
        try:
            while fake.ledger.total < 2 * RATE:  # all have started and know the limit
                assert all(caller.poll() is None for caller in callers)
                time.sleep(0.05)
            refused_at_first = fake.ledger.rejected_429
            fake.ledger.reset()
            time.sleep(SECONDS)
            ledger: Any = fake.ledger.as_dict()
        finally:
            for caller in callers:
                caller.kill()
                caller.wait()

    assert refused_at_first == ledger["rejected_429"] == 0
    assert ledger["busiest_second"] <= RATE
    assert ledger["total"] >= 0.85 * RATE * SECONDS
