"""Jobs that pull, push and compare: what they count, show and tell, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_resend.models import Contact, Job, OutboxEntry, Segment, SyncRun
from django_resend.sync.jobs import cancel, queue, run_jobs
from django_resend.sync.jobs.selection import pack_selection
from django_resend.sync.pull import pull_all
from django_resend.sync.push import push_outbox
from django_resend.testing import FakeResend
from tests.oracle import differences

from .helpers import Throttle, client_of, later

pytestmark = pytest.mark.django_db


def worked(job: Job) -> Job:
    run_jobs()
    job.refresh_from_db()
    return job


def test_a_pull_counts_what_it_brought(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=3, segments=1, topics=1, properties=1)

    job = worked(queue("pull", {"deep": True}))

    assert (job.state, job.message) == ("done", "")
    assert job.counts["contacts_created"] == 3
    assert job.counts["deep_read"] == 3
    assert job.counts["calls"] == resend_fake.ledger.total
    assert "stage" not in job.counts
    assert differences(resend_fake) == []


def test_a_pull_tells_why_it_stopped(resend_fake: FakeResend) -> None:
    resend_fake.dashboard.seed(contacts=30)
    pull_all()
    for number in range(1, 31):
        resend_fake.dashboard.delete_contact(f"person{number}@example.org")

    with later():
        job = worked(queue("pull", {}))

    assert job.state == "done"
    assert job.results.get().outcome == "stopped"
    assert "30" in job.results.get().detail
    assert Contact.objects.count() == 30


def test_a_push_counts_what_arrived_and_what_was_refused(resend_fake: FakeResend) -> None:
    Contact.objects.create(email="ada@example.org")
    Segment.objects.create(name="VIP")
    resend_fake.faults.add(route="POST /contacts", status=422)

    job = queue("push", {})
    assert job.total == 2
    job = worked(job)

    assert (job.state, job.done) == ("done", 2)
    assert (job.counts["pushed"], job.counts["refused"]) == (1, 1)


def test_a_push_to_a_team_without_imports_sends_one_by_one(
    resend_fake: FakeResend, settings: Any
) -> None:
    settings.RESEND = {**settings.RESEND, "BULK_THRESHOLD": 3}
    resend_fake.quirks["imports"] = "refused"
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.org") for n in range(4))

    job = worked(queue("push", {}))

    assert (job.state, job.counts["pushed"], job.counts.get("refused", 0)) == ("done", 4, 0)
    assert differences(resend_fake) == []


def test_a_pull_that_is_cancelled_ends_at_its_next_page(
    resend_fake: FakeResend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_resend.sync.jobs.engine.HEARTBEAT_SECONDS", 0)
    resend_fake.dashboard.seed(contacts=250)
    job = queue("pull", {"deep": False})
    _before_call(resend_fake, monkeypatch, "pull", 5, lambda: cancel(job))

    worked(job)

    assert job.state == "cancelled"
    assert 0 < Contact.objects.count() < 250
    assert SyncRun.objects.get(action="pull").state == SyncRun.State.PAUSED


def test_a_comparison_that_is_cancelled_ends_at_its_next_page(
    resend_fake: FakeResend, monkeypatch: pytest.MonkeyPatch
) -> None:
    resend_fake.dashboard.seed(contacts=250)
    pull_all(deep=False)
    job = queue("drift", {})
    _before_call(resend_fake, monkeypatch, "drift", 5, lambda: cancel(job))

    worked(job)

    assert job.state == "cancelled"
    assert SyncRun.objects.get(action="drift").state == SyncRun.State.STOPPED


def test_a_comparison_that_fails_says_so_on_its_run(resend_fake: FakeResend) -> None:
    resend_fake.faults.add(route="GET /contacts", status=401)

    job = worked(queue("drift", {}))

    run = SyncRun.objects.get(action="drift")
    assert (job.state, run.state) == ("failed", SyncRun.State.FAILED)
    assert "401" in run.message


class TestPullNow:
    @pytest.fixture
    def bare(self, resend_fake: FakeResend) -> Contact:
        """A contact at a team without topics."""
        resend_fake.dashboard.create_contact("ada@example.org")
        pull_all()
        return Contact.objects.get()

    def outcome(self, contact: Contact) -> list[str]:
        job = worked(queue("pull_contacts", pack_selection([contact.pk])))
        assert job.state == "done", job.message
        return list(job.results.values_list("outcome", flat=True))

    def test_what_is_the_same_at_both_is_not_told(
        self, resend_fake: FakeResend, bare: Contact
    ) -> None:
        with later():
            self.outcome(bare)
        resend_fake.ledger.reset()
        with later(hours=2):
            assert self.outcome(bare) == []
        assert resend_fake.ledger.total == 2

    def test_who_was_never_sent_costs_no_call(self, resend_fake: FakeResend) -> None:
        assert self.outcome(Contact.objects.create(email="bo@example.org")) == ["never_sent"]
        assert resend_fake.ledger.total == 0

    def test_who_is_gone_at_resend_is_left_to_the_sweep(
        self, resend_fake: FakeResend, bare: Contact
    ) -> None:
        resend_fake.dashboard.delete_contact(bare.email)
        assert self.outcome(bare) == ["not_there"]
        assert Contact.objects.exists()

    def test_who_may_not_be_read_is_told(self, resend_fake: FakeResend, bare: Contact) -> None:
        resend_fake.faults.add(route="GET /contacts/{id}", status=422)
        assert self.outcome(bare) == ["unreadable"]

    def test_who_was_pushed_a_moment_ago_is_left_alone(
        self, resend_fake: FakeResend, bare: Contact
    ) -> None:
        bare.first_name = "Ada"
        bare.save()
        push_outbox()
        resend_fake.dashboard.edit_contact(bare.email, first_name="Augusta")
        assert self.outcome(bare) == ["pushed"]
        bare.refresh_from_db()
        assert bare.first_name == "Ada"
        assert not OutboxEntry.objects.exists()


def _before_call(
    fake: FakeResend,
    monkeypatch: pytest.MonkeyPatch,
    room: str,
    number: int,
    act: Callable[[], Any],
) -> None:
    """Have the run of that room do something just before one of its calls."""
    client = client_of(fake, Throttle(number, act))
    monkeypatch.setattr(f"django_resend.sync.{room}.run.open_client", lambda: client)
