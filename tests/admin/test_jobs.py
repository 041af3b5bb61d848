"""The pages of a job: who sees it, how far it is, how it is cancelled, and its result."""

from __future__ import annotations

import csv
import io
import time
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_resend.models import Contact, Job, Segment, Topic
from django_resend.sync.jobs import queue, run_jobs
from django_resend.sync.jobs.selection import pack_selection

from .conftest import ContactMaker, UserMaker
from .pages import finish_action, start_action, text_of, url


@pytest.fixture
def job(client: Client, make_contacts: ContactMaker, friends: Segment) -> Job:
    keys = [one.pk for one in make_contacts(3)]
    marta = User.objects.get(username="marta")
    return queue("add_to_segments", {**pack_selection(keys), "chosen": [friends.pk]}, by=marta)


def page_of(job: Job, page: str) -> str:
    return reverse(f"admin:django_resend_job_{page}", args=[job.pk])


def test_the_page_tells_what_is_done_for_whom_and_how_far_it_is(client: Client, job: Job) -> None:
    page = client.get(page_of(job, "change"))

    assert "Add to segments" in text_of(page)
    assert "Asked for by marta" in text_of(page)
    assert "waiting 0 of 3" in text_of(page)
    assert 'src="/static/django_resend/progress.js"' in page.content.decode()
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page.content.decode()


def test_a_job_with_nothing_chosen_has_a_page_too(client: Client, job: Job) -> None:
    page = client.get(page_of(queue("pull", {"deep": True}), "change"))

    assert "Pull from Resend" in text_of(page)
    assert "waiting" in text_of(page)


def test_a_job_that_nobody_works_on_says_what_it_waits_for(client: Client, job: Job) -> None:
    assert "waits for a worker" not in text_of(client.get(page_of(job, "change")))

    Job.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))

    assert "It waits for a worker." in text_of(client.get(page_of(job, "change")))


def test_the_script_is_told_the_state_until_the_end(client: Client, job: Job) -> None:
    before = client.get(page_of(job, "state")).json()
    run_jobs()
    after = client.get(page_of(job, "state")).json()

    assert (before["state"], before["finished"]) == ("waiting", False)
    assert (after["state"], after["finished"]) == ("done", True)
    assert "3 of 3" in after["html"]


def test_a_finished_page_is_not_asked_for_again(client: Client, job: Job) -> None:
    run_jobs()

    html = client.get(page_of(job, "change")).content.decode()

    assert "progress.js" not in html
    assert "refresh" not in html
    assert "Cancel" not in text_of(client.get(page_of(job, "change")))


def test_a_job_can_be_cancelled_and_the_log_tells_who_did(client: Client, job: Job) -> None:
    assert client.get(page_of(job, "cancel")).status_code == 405

    client.post(page_of(job, "cancel"))
    run_jobs()

    job.refresh_from_db()
    assert (job.state, job.done) == ("cancelled", 0)
    assert LogEntry.objects.get().change_message == "Cancelled"
    client.post(page_of(job, "cancel"))
    assert LogEntry.objects.count() == 1


def test_the_result_is_a_line_a_row_and_no_cell_is_a_formula(client: Client, job: Job) -> None:
    Contact.untracked.filter(email="p00001@example.org").update(email="=cmd@example.org")
    run_jobs()

    answer = client.get(page_of(job, "results"))

    assert "attachment" in answer["Content-Disposition"]
    content = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    lines = list(csv.reader(io.StringIO(content)))
    assert lines[0] == ["subject", "outcome", "detail"]
    assert lines[1] == ["p00000@example.org", "changed", "Friends"]
    assert lines[2][0] == "'=cmd@example.org"
    assert len(lines) == 4


def test_why_a_job_failed_stands_on_its_page(client: Client, job: Job) -> None:
    Job.objects.update(operation="gone with its app")
    run_jobs()

    page = text_of(client.get(page_of(job, "change")))

    assert "failed" in page
    assert "No operation is registered as 'gone with its app'." in page


def test_everyone_sees_their_own_jobs_and_no_others(client_with: UserMaker, job: Job) -> None:
    client = client_with("view_contact")
    nils = User.objects.get(username="nils")
    own = queue("unsubscribe", pack_selection([]), by=nils)

    assert client.get(url(Job)).context["cl"].result_count == 1
    assert client.get(page_of(own, "change")).status_code == 200
    assert client.post(page_of(own, "cancel")).status_code == 302
    # Django's admin answers so for what a person's list doesn't hold.
    assert client.get(page_of(job, "change")).status_code == 404
    for page in ("state", "results"):
        assert client.get(page_of(job, page)).status_code == 404
    assert client.post(page_of(job, "cancel")).status_code == 404


def test_who_may_see_all_jobs_can_not_cancel_those_of_others(
    client_with: UserMaker, job: Job
) -> None:
    client = client_with("view_job", "view_contact")

    assert client.get(page_of(job, "change")).status_code == 200
    assert client.post(page_of(job, "cancel")).status_code == 403
    job.refresh_from_db()
    assert job.state == "waiting"


def test_who_may_see_no_contacts_sees_no_jobs(client_with: UserMaker, job: Job) -> None:
    client = client_with("view_segment")

    assert client.get(url(Job)).status_code == 403
    assert client.get(page_of(job, "change")).status_code in (403, 404)


def test_the_list_costs_the_same_queries_however_long_it_is(client: Client, job: Job) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url(Job)).status_code == 200
        return len(captured)

    Job.objects.update(operation="unsubscribe")
    few = queries()
    marta = User.objects.get(username="marta")
    for _number in range(20):
        queue("unsubscribe", pack_selection([]), by=marta)

    assert queries() == few


@pytest.mark.slow
def test_50_000_of_100_000_are_confirmed_in_a_second_and_queued_in_three(
    client: Client, friends: Segment, news: Topic
) -> None:
    Contact.untracked.bulk_create(
        Contact(email=f"{n}@example.org", email_key=f"{n}@example.org", unsubscribed=n % 2 == 1)
        for n in range(100_000)
    )
    filtered = f"{url(Contact)}?unsubscribed=0"
    assert client.get(filtered).status_code == 200
    for action, chosen in [("add_to_segments", friends), ("subscribe_to_topics", news)]:
        begun = time.perf_counter()
        page = start_action(client, filtered, action, [1], across=True)
        shown = time.perf_counter() - begun
        begun = time.perf_counter()
        answer = finish_action(client, filtered, page, chosen=chosen.pk)
        queued = time.perf_counter() - begun

        assert "50000 contacts are selected." in text_of(page)
        assert answer.status_code == 302
        assert Job.objects.latest("pk").total == 50_000
        assert (shown < 1, queued < 3) == (True, True), f"{shown:.2f} s, {queued:.2f} s"
