"""The sync page: is it healthy, what waits, and the buttons that pull, push and compare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_resend.admin.charts import recent_charts
from django_resend.models import CallBudget, Contact, Job, Kind, OutboxEntry, SyncRun, WebhookEvent

from .conftest import ContactMaker, UserMaker
from .pages import text_of, url


@pytest.fixture
def page(db: None) -> str:
    return reverse("admin:django_resend_sync")


def start(operation: str) -> str:
    return reverse("admin:django_resend_sync_start", args=[operation])


def test_the_use_of_the_learned_limit_is_shown(client: Client, page: str) -> None:
    now = timezone.now().replace(second=30)
    minute = int(now.timestamp()) // 60
    counted = {"day": minute // 1440, "day_calls": 900, "minute": minute, "minute_calls": 300}
    CallBudget.objects.create(team="team", limit=10.0, **counted)

    with time_machine.travel(now, tick=False):
        shown = text_of(client.get(page))

    assert "Calls in the last minute 300, 50 % of the limit; 900 today" in shown


def test_a_webhook_that_resend_disabled_is_a_worry(client: Client, page: str) -> None:
    SyncRun.objects.create(action="webhook", state="failed", message="It is disabled.")

    assert "The last webhook check did not end well: It is disabled." in text_of(client.get(page))


def test_a_mirror_that_needs_nobody_is_well(client: Client, page: str) -> None:
    SyncRun.objects.create(action="pull", state="done", calls=12)

    shown = text_of(client.get(page))

    assert "All is well." in shown
    assert "Pull done" in shown
    assert "12 calls" in shown
    assert "Differences at the last comparison not compared yet" in shown


def test_it_is_linked_from_the_apps_index_and_the_runs(client: Client, page: str) -> None:
    for address in ("/admin/django_resend/", url(SyncRun)):
        assert f'href="{page}"' in client.get(address).content.decode()


def test_what_is_wrong_is_said_with_where_to_look(
    client: Client, page: str, make_contacts: ContactMaker
) -> None:
    OutboxEntry.objects.record(Kind.CONTACT, [one.pk for one in make_contacts(3)])
    OutboxEntry.objects.filter(object_id=Contact.objects.all()[0].pk).update(state="refused")
    run = SyncRun.objects.create(action="push", state="failed", message="The key is wrong.")
    CallBudget.objects.create(team="team", paused_until=timezone.now() + timedelta(hours=1))
    WebhookEvent.objects.create(message_id="m", type="t", payload={}, state="failed")

    answer = client.get(page)

    shown = text_of(answer)
    assert "Something needs a look" in shown
    assert "Resend refused 1 change." in shown
    assert "The last push did not end well: The key is wrong." in shown
    assert "Calls to Resend are paused." in shown
    assert "1 webhook event could not be applied." in shown
    assert "Waiting to be pushed 2" in shown
    assert f'href="{url(SyncRun, "change", run.pk)}"' in answer.content.decode()


def test_the_last_comparison_is_told(client: Client, page: str) -> None:
    SyncRun.objects.create(action="drift", state="done", counts={"drift": 7, "waiting": 2})

    shown = text_of(client.get(page))
    assert "Differences at the last comparison 7" in shown
    assert "The last comparison found 7 differences." in shown

    SyncRun.objects.create(action="pull", state="done")
    assert "All is well." in text_of(client.get(page))


def test_webhooks_that_fell_silent_are_told(client: Client, page: str, settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "WEBHOOK_SECRET": "whsec_dGVzdA==", "WEBHOOK_SILENCE": 5}
    long_ago = timezone.now() - timedelta(hours=6)
    WebhookEvent.objects.create(
        message_id="m", type="t", payload={}, state="applied", received_at=long_ago
    )

    assert "No webhook event came for more than 5 hours." in text_of(client.get(page))


def test_a_site_without_a_key_is_told_so(client: Client, page: str, settings: Any) -> None:
    settings.RESEND = {"API_KEY": ""}

    assert "No API key is set" in text_of(client.get(page))


@pytest.mark.parametrize("operation", ["pull", "push", "drift"])
def test_a_button_queues_a_job_and_shows_its_progress(
    client: Client, page: str, operation: str
) -> None:
    assert start(operation) in client.get(page).content.decode()
    assert client.get(start(operation)).status_code == 405

    answer = client.post(start(operation))

    job = Job.objects.get()
    assert job.operation == operation
    assert answer["Location"] == url(Job, "change", job.pk)
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(("direction", "missing"), [("pull", "push"), ("push", "pull")])
def test_a_direction_that_is_switched_off_has_no_button(
    client: Client, page: str, settings: Any, direction: str, missing: str
) -> None:
    settings.RESEND = {**settings.RESEND, "DIRECTION": direction}

    assert start(missing) not in client.get(page).content.decode()
    assert client.post(start(missing)).status_code == 403
    assert not Job.objects.exists()


def test_who_may_only_look_has_no_buttons_and_starts_nothing(
    client_with: UserMaker, page: str
) -> None:
    client = client_with("view_syncrun")

    assert "start/" not in client.get(page).content.decode()
    assert client.post(start("pull")).status_code == 403
    assert not Job.objects.exists()


def test_who_may_not_see_the_runs_does_not_see_the_page(client_with: UserMaker, page: str) -> None:
    client = client_with("view_contact")

    assert client.get(page).status_code == 403
    assert page not in client.get("/admin/django_resend/").content.decode()


def test_an_unknown_operation_is_not_started(client: Client) -> None:
    assert client.post(start("delete_contacts")).status_code == 403


def test_the_charts_count_calls_and_changes_by_day() -> None:
    now = datetime(2026, 3, 20, 12, tzinfo=UTC)
    runs: list[tuple[str, int, int, dict[str, int]]] = [
        ("push", 0, 5, {"done": 3, "refused": 1}),
        ("pull", 1, 20, {"contacts_created": 4, "contacts_unchanged": 90, "members_deleted": 2}),
        ("drift", 1, 7, {"drift": 9}),
        ("pull", 20, 99, {"contacts_created": 99}),
    ]
    for action, days, calls, counts in runs:
        SyncRun.objects.create(
            action=action, started_at=now - timedelta(days=days), calls=calls, counts=counts
        )

    calls_chart, changes = recent_charts(now)

    assert [row[0] for row in calls_chart.values][-3:] == [0, 27, 5]
    assert [list(row) for row in changes.values][-2:] == [[0, 6], [3, 0]]
    assert sum(row[0] for row in calls_chart.values) == 32
    tallest = max(calls_chart.bars, key=lambda bar: bar.height)
    assert (tallest.label, tallest.height) == ("19 Mar: 27 calls", 126)


def test_the_page_costs_the_same_queries_however_many_runs_there_were(
    client: Client, page: str, make_contacts: ContactMaker
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page).status_code == 200
        return len(captured)

    SyncRun.objects.create(action="pull", state="done")
    few = queries()
    SyncRun.objects.bulk_create(SyncRun(action="pull", state="done") for _number in range(30))
    make_contacts(30)

    assert queries() == few
