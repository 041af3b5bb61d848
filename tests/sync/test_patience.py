"""Passing faults are waited out; others are told at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from django_resend.client import errors
from django_resend.models import Contact
from django_resend.sync.pull import contacts, pull_all
from django_resend.testing import FakeResend
from tests.oracle import differences

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "html"},
        {"kind": "html", "status": 200},
        {"status": 500},
        {"status": 503},
        {"status": 409},
        {"kind": "429"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_a_fault_that_passes_is_waited_out(
    resend_fake: FakeResend, pauses: list[float], fault: dict[str, object]
) -> None:
    resend_fake.dashboard.seed(contacts=120, segments=1)
    resend_fake.faults.add(**fault, times=4)  # type: ignore[arg-type]

    report = pull_all()

    assert report.complete
    assert differences(resend_fake) == []


def test_the_pauses_grow(resend_fake: FakeResend, pauses: list[float]) -> None:
    resend_fake.faults.add(status=500, times=4)

    pull_all()

    bounds = [(0.5, 1), (1, 2), (2, 4), (4, 8)]
    assert len(pauses) == 4
    assert all(low <= pause <= high for pause, (low, high) in zip(pauses, bounds, strict=True))


def test_a_fault_that_stays_ends_the_pull(resend_fake: FakeResend, pauses: list[float]) -> None:
    resend_fake.faults.add(status=500, times=99)

    with pytest.raises(errors.ServerFault):
        pull_all()

    assert resend_fake.ledger.total == 5


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 401}, errors.AccessRefused),
        ({"status": 403}, errors.AccessRefused),
        ({"kind": "quota"}, errors.QuotaExceeded),
        ({"status": 405}, errors.MethodNotAllowed),
    ],
    ids=["401", "403", "quota", "405"],
)
def test_a_fault_that_no_patience_mends_ends_the_pull_at_once(
    resend_fake: FakeResend, pauses: list[float], fault: dict[str, object], error: type[Exception]
) -> None:
    resend_fake.faults.add(**fault, times=99)  # type: ignore[arg-type]

    with pytest.raises(error):
        pull_all()

    assert (resend_fake.ledger.total, pauses) == (1, [])


@pytest.mark.parametrize("error", [OperationalError, IntegrityError])
@pytest.mark.parametrize(("times", "stored"), [(3, True), (4, False)])
def test_a_page_that_the_sites_writes_keep_out_is_stored_at_the_fourth_try_or_by_the_next_pull(
    resend_fake: FakeResend,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    times: int,
    stored: bool,
) -> None:
    resend_fake.dashboard.seed(contacts=120)
    store = contacts._store
    slept: list[float] = []
    tries = iter(range(times))

    def kept_out(*args: Any) -> Any:
        done = store(*args)
        if next(tries, None) is not None:
            raise error
        return done

    monkeypatch.setattr("django_resend.sync.locks.sleep", slept.append)
    with monkeypatch.context() as patched:
        patched.setattr(contacts, "_store", kept_out)
        if stored:
            assert pull_all().complete
        else:
            with pytest.raises(error):
                pull_all()
            assert not Contact.objects.exists()
            pull_all()

    assert len(slept) == 3
    assert differences(resend_fake) == []
