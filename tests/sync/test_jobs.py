"""Jobs: what is queued is done in batches, once, whoever is killed or changes their mind."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_resend.models import (
    Contact,
    ContactProperty,
    Job,
    JobResult,
    Kind,
    OutboxEntry,
    Segment,
    SegmentMembership,
    SyncRun,
    Topic,
)
from django_resend.sync.jobs import Operation, batch, cancel, queue, register, run_jobs
from django_resend.sync.jobs.run import is_forgotten
from django_resend.sync.jobs.selection import pack_selection
from django_resend.testing import FakeResend

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """Stands for a process that ends at once."""


@register("test_numbers")
class Numbers(Operation):
    """Counts to ``arguments["count"]``, three a batch; the test decides what goes wrong."""

    fault: Any = staticmethod(lambda number: None)

    def total(self, arguments: Mapping[str, Any]) -> int:
        return int(arguments["count"])

    def step(self, job: Job) -> bool:
        begin = job.cursor.get("at", 0)
        end = min(begin + 3, job.total)
        with batch(job) as told:
            for number in range(begin, end):
                told.tell(str(number), "changed")
                type(self).fault(number)
            told.rows, told.cursor = end - begin, {"at": end}
            told.counts["changed"] += end - begin
        return bool(end < job.total)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def on(fault: Any) -> None:
        monkeypatch.setattr(Numbers, "fault", staticmethod(fault))

    yield on


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("django_resend.sync.jobs.run.sleep", slept.append)
    return slept


def told(job: Job) -> list[str]:
    return list(job.results.values_list("subject", flat=True))


def people(count: int) -> list[int]:
    Contact.untracked.bulk_create(
        Contact(email=f"p{n:05}@example.org", email_key=f"p{n:05}@example.org", remote_id=f"c-{n}")
        for n in range(count)
    )
    return list(Contact.objects.order_by("pk").values_list("pk", flat=True))


def test_a_job_is_done_in_batches_and_tells_what_it_did() -> None:
    marta = User.objects.create(username="marta")
    job = queue("test_numbers", {"count": 7}, by=marta, total=7)
    assert (job.state, job.created_by) == (Job.State.WAITING, marta)

    report = run_jobs()

    job.refresh_from_db()
    assert (report.finished, report.failed, report.more) == (1, 0, False)
    assert (job.state, job.done, job.total, job.counts) == ("done", 7, 7, {"changed": 7})
    assert told(job) == ["0", "1", "2", "3", "4", "5", "6"]
    assert job.started_at and job.finished_at


def test_the_total_is_the_operations_own_where_none_is_given() -> None:
    assert queue("test_numbers", {"count": 4}).total == 4


def test_an_unknown_operation_is_not_queued() -> None:
    with pytest.raises(ValueError, match="'nonsense'"):
        queue("nonsense", {})


def test_an_operation_that_was_unregistered_since_fails_in_words() -> None:
    job = Job.objects.create(operation="of a removed app")

    assert run_jobs().failed == 1

    job.refresh_from_db()
    assert "'of a removed app'" in job.message


@pytest.mark.parametrize("last", range(7))
def test_a_job_killed_at_any_row_is_finished_by_the_next_worker_and_does_nothing_twice(
    numbers: Any, last: int
) -> None:
    def kill(number: int) -> None:
        if number == last:
            raise Killed

    job = queue("test_numbers", {"count": 7})
    numbers(kill)
    with pytest.raises(Killed):
        run_jobs()
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    assert job.done == len(told(job)) == last // 3 * 3

    numbers(lambda number: None)
    run_jobs()

    job.refresh_from_db()
    assert (job.state, job.done) == ("done", 7)
    assert told(job) == [str(number) for number in range(7)]


def test_a_job_of_a_process_that_is_gone_is_taken_over_and_a_living_ones_is_not() -> None:
    job = queue("test_numbers", {"count": 3})
    lease = "00000000-0000-0000-0000-000000000001"
    held = Job.objects.filter(pk=job.pk)
    held.update(state="running", lease=lease, owner="elsewhere:1:x", heartbeat_at=timezone.now())
    assert run_jobs().finished == 0

    held.update(heartbeat_at=timezone.now() - timedelta(minutes=5))

    assert run_jobs().finished == 1


def test_a_cancelled_job_ends_between_two_batches(numbers: Any) -> None:
    job = queue("test_numbers", {"count": 7})

    def cancel_after_first(number: int) -> None:
        if number == 2:
            assert cancel(job)

    numbers(cancel_after_first)
    report = run_jobs()

    job.refresh_from_db()
    assert (job.state, job.done) == ("cancelled", 3)
    assert (report.finished, report.failed, report.more) == (0, 0, False)
    assert not cancel(job)


def test_a_waiting_job_can_be_cancelled() -> None:
    job = queue("test_numbers", {"count": 7})
    cancel(job)

    assert run_jobs().finished == 0
    assert not JobResult.objects.exists()


def test_who_lost_the_job_writes_nothing_more(numbers: Any) -> None:
    job = queue("test_numbers", {"count": 3})

    def steal(number: int) -> None:
        if number == 0:
            Job.objects.filter(pk=job.pk).update(lease="00000000-0000-0000-0000-000000000001")

    # The theft is written in the batch's own transaction, so it takes effect for the next one.
    Job.objects.filter(pk=job.pk).update(total=6)
    numbers(steal)
    run_jobs()

    job.refresh_from_db()
    assert (job.state, job.done) == ("running", 3)


def test_a_fault_fails_the_job_in_words_and_not_the_next_one(
    numbers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(number: int) -> None:
        if number == 4:
            raise ZeroDivisionError("nothing to divide by")

    broken = queue("test_numbers", {"count": 5})
    whole = queue("test_numbers", {"count": 2})
    numbers(fault)

    report = run_jobs()

    broken.refresh_from_db()
    whole.refresh_from_db()
    assert (report.finished, report.failed) == (1, 1)
    assert (broken.state, broken.done) == ("failed", 3)
    assert broken.message == "ZeroDivisionError: nothing to divide by"
    assert whole.state == "done"


def test_a_batch_gives_way_to_a_lock_and_comes_again(numbers: Any, pauses: list[float]) -> None:
    faults = [OperationalError("locked"), OperationalError("locked")]

    def locked(number: int) -> None:
        if number == 3 and faults:
            raise faults.pop()

    job = queue("test_numbers", {"count": 5})
    numbers(locked)
    run_jobs()

    job.refresh_from_db()
    assert (job.state, job.done, job.attempts) == ("done", 5, 0)
    assert len(pauses) == 2


def test_a_lock_that_never_ends_fails_the_job(numbers: Any, pauses: list[float]) -> None:
    def locked(number: int) -> None:
        raise OperationalError("locked")

    job = queue("test_numbers", {"count": 5})
    numbers(locked)
    run_jobs()

    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "OperationalError: locked")
    assert len(pauses) == 10


def test_jobs_are_done_in_their_order_and_a_slice_ends_in_time() -> None:
    first, second = queue("test_numbers", {"count": 9}), queue("test_numbers", {"count": 3})

    assert run_jobs(seconds=0).more
    first.refresh_from_db()
    assert (first.state, first.done) == ("running", 3)
    while run_jobs(seconds=0).more:
        pass

    first.refresh_from_db()
    second.refresh_from_db()
    assert first.finished_at and second.started_at
    assert first.finished_at <= second.started_at


def test_a_job_that_calls_resend_holds_up_no_other() -> None:
    slow = queue("pull_contacts", pack_selection([]))
    quick = queue("test_numbers", {"count": 3})
    held = Job.objects.filter(pk=slow.pk)
    held.update(state="running", lease="00000000-0000-0000-0000-000000000001", owner="x:1:x")

    run_jobs()

    quick.refresh_from_db()
    assert quick.state == "done"


def test_a_job_that_nobody_took_up_is_noticed() -> None:
    job = queue("test_numbers", {"count": 3})
    assert not is_forgotten()

    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=3))

    assert is_forgotten()


def test_an_old_job_is_forgotten_with_its_results() -> None:
    job = queue("test_numbers", {"count": 3})
    run_jobs()
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=31))

    run_jobs()

    assert not Job.objects.exists()
    assert not JobResult.objects.exists()


def test_contacts_are_put_into_segments_and_each_change_is_told() -> None:
    keys = people(5)
    friends = Segment.objects.create(name="Friends")
    SegmentMembership.untracked.create(contact_id=keys[0], segment=friends)
    OutboxEntry.objects.all().delete()
    job = queue("add_to_segments", {**pack_selection(keys), "chosen": [friends.pk]})
    Contact.untracked.filter(pk=keys[4]).delete()

    run_jobs()

    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("done", 5, 5)
    assert job.counts == {"changed": 3, "unchanged": 1, "gone": 1}
    results = list(job.results.values_list("subject", "object_id", "outcome", "detail"))
    assert results[0] == ("p00001@example.org", keys[1], "changed", "Friends")
    assert OutboxEntry.objects.filter(kind=Kind.CONTACT).count() == 3


def test_who_opted_out_is_left_out_and_told() -> None:
    keys = people(3)
    news = Topic.objects.create(name="News", default_subscription="opt_in")
    Contact.objects.get(pk=keys[1]).opt_out(news)
    job = queue("subscribe_to_topics", {**pack_selection(keys), "chosen": [news.pk]})

    run_jobs()

    job.refresh_from_db()
    assert job.counts == {"changed": 2, "opted_out": 1}
    assert job.results.get(outcome="opted_out").subject == "p00001@example.org"
    assert news.subscriptions.get(contact=keys[1]).subscription == "opt_out"


@pytest.mark.parametrize("operation", ["remove_from_segments", "unsubscribe_from_topics"])
def test_what_takes_away_tells_whom_it_changed(operation: str) -> None:
    keys = people(3)
    friends = Segment.objects.create(name="Friends")
    news = Topic.objects.create(name="News", default_subscription="opt_in")
    SegmentMembership.untracked.create(contact_id=keys[0], segment=friends)
    for key in keys[1:]:
        Contact.objects.get(pk=key).opt_out(news)
    chosen = friends if operation == "remove_from_segments" else news
    job = queue(operation, {**pack_selection(keys), "chosen": [chosen.pk]})

    run_jobs()

    job.refresh_from_db()
    assert job.counts == {"changed": 1, "unchanged": 2}
    assert told(job) == ["p00000@example.org"]


def test_everybody_selected_is_unsubscribed_from_everything() -> None:
    keys = people(3)
    Contact.untracked.filter(pk=keys[0]).update(unsubscribed=True)
    job = queue("unsubscribe", pack_selection(keys))

    run_jobs()

    job.refresh_from_db()
    assert job.counts == {"changed": 2, "unchanged": 1}
    assert Contact.objects.filter(unsubscribed=True).count() == 3
    assert OutboxEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("value", "changed", "stored"),
    [("Oslo", 1, {"city": "Oslo", "old": 1}), (None, 2, {"old": 1})],
)
def test_a_property_is_set_and_taken_away(value: str | None, changed: int, stored: Any) -> None:
    keys = people(3)
    ContactProperty.objects.create(key="city")
    Contact.untracked.filter(pk=keys[0]).update(properties={"city": "Rome", "old": 1})
    Contact.untracked.filter(pk=keys[1]).update(properties={"city": "Oslo"})
    OutboxEntry.objects.all().delete()
    arguments = {**pack_selection(keys[:2]), "key": "city", "value": value}

    job = queue("set_property", arguments)
    run_jobs()

    job.refresh_from_db()
    assert job.counts["changed"] == changed
    assert Contact.objects.get(pk=keys[0]).properties == stored
    assert Contact.objects.get(pk=keys[2]).properties == {}
    assert OutboxEntry.objects.filter(kind=Kind.CONTACT).count() == changed


def test_contacts_are_deleted_and_told() -> None:
    keys = people(2)
    job = queue("delete_contacts", pack_selection(keys[:1]))

    run_jobs()

    assert told(job) == ["p00000@example.org"]
    assert Contact.objects.get().pk == keys[1]
    assert OutboxEntry.objects.get().remote_id == "c-0"


def test_what_was_refused_is_due_again() -> None:
    keys = people(2)
    OutboxEntry.objects.record(Kind.CONTACT, keys[:1])
    OutboxEntry.objects.update(state="refused", attempts=3)
    job = queue("retry", pack_selection(keys))

    run_jobs()

    job.refresh_from_db()
    entry = OutboxEntry.objects.get()
    assert (entry.state, entry.attempts) == ("pending", 0)
    assert job.counts == {"changed": 1, "unchanged": 1}


@pytest.mark.slow
def test_50_000_contacts_are_queued_in_three_seconds_and_take_little_room() -> None:
    keys = people(50_000)
    friends = Segment.objects.create(name="Friends")

    begun = time.perf_counter()
    selection = pack_selection(Contact.objects.values_list("pk", flat=True))
    job = queue("add_to_segments", {**selection, "chosen": [friends.pk]})
    assert time.perf_counter() - begun < 3
    assert (job.total, len(str(job.arguments))) < (50_001, 20_000)

    run_jobs()

    job.refresh_from_db()
    assert job.counts == {"changed": len(keys)}
    assert friends.memberships.count() == len(keys)


def test_a_batch_costs_the_same_queries_however_many_contacts_it_holds() -> None:
    def queries(keys: list[int]) -> int:
        segment = Segment.objects.create(name="S")
        queue("add_to_segments", {**pack_selection(keys), "chosen": [segment.pk]})
        with CaptureQueriesContext(connection) as captured:
            run_jobs()
        return len(captured)

    keys = people(60)
    assert queries(keys[:2]) == queries(keys)


@pytest.fixture
def linked(resend_fake: FakeResend) -> Contact:
    """A contact that is at the fake too, with a topic and a segment there."""
    from django_resend.sync.pull import pull_all

    resend_fake.dashboard.seed(contacts=1, segments=1, topics=1, properties=1)
    pull_all()
    OutboxEntry.objects.all().delete()
    contact: Contact = Contact.objects.get()
    return contact


def test_pull_now_reads_the_chosen_contacts_alone(resend_fake: FakeResend, linked: Contact) -> None:
    resend_fake.dashboard.edit_contact(linked.email, first_name="Augusta")
    resend_fake.ledger.reset()
    job = queue("pull_contacts", pack_selection([linked.pk]))

    run_jobs()

    job.refresh_from_db()
    linked.refresh_from_db()
    assert (job.state, job.counts) == ("done", {"changed": 1})
    assert linked.first_name == "Augusta"
    assert resend_fake.ledger.total == 3


def test_a_job_without_a_key_says_what_to_do(linked: Contact, settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "API_KEY": ""}
    with patch.dict("os.environ", {"RESEND_API_KEY": ""}):
        job = queue("pull_contacts", pack_selection([linked.pk]))
        run_jobs()

    job.refresh_from_db()
    assert job.state == "failed"
    assert "No Resend API key is set" in job.message


def test_a_comparison_leaves_its_result_on_a_run(resend_fake: FakeResend, linked: Contact) -> None:
    Contact.untracked.filter(pk=linked.pk).update(first_name="Nobody")
    job = queue("drift", {})

    run_jobs()

    job.refresh_from_db()
    run = SyncRun.objects.get(action="drift")
    assert job.state == "done", job.message
    assert job.counts["drift"] == run.counts["drift"] == 1
    assert "first_name" in job.results.get().detail
