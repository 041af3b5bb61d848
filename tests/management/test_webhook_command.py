"""resend_webhook: the registered endpoint, from a terminal."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from django_resend.models import SyncRun, WebhookEvent
from django_resend.sync.events.run import NEEDED_TYPES
from django_resend.tasks import check_webhook
from django_resend.testing import FakeResend

from .helpers import run

pytestmark = pytest.mark.django_db

URL = "https://site.example/resend/webhook/"
BASIC = ["contact.created", "contact.updated", "contact.deleted"]


@pytest.fixture
def site(resend_fake: FakeResend, settings: Any) -> FakeResend:
    """A site that knows its address and a secret."""
    secret = resend_fake.webhooks.secret
    settings.RESEND = {**settings.RESEND, "WEBHOOK_URL": URL, "WEBHOOK_SECRET": secret}
    return resend_fake


def secret_of(fake: FakeResend) -> str:
    (webhook,) = fake.team.store.webhooks
    return webhook.signing_secret


def test_it_registers_for_what_is_applied_and_tells_the_secret_once(site: FakeResend) -> None:
    outcome = run("resend_webhook", "register")

    assert outcome.code == 0
    (webhook,) = site.team.store.webhooks
    assert (webhook.endpoint, webhook.events) == (URL, list(NEEDED_TYPES))
    assert outcome.out.count(webhook.signing_secret) == 1
    assert webhook.signing_secret not in run("resend_webhook", "list").out
    assert webhook.signing_secret not in run("resend_webhook", "check", "--json").out


def test_registering_again_makes_no_second_one_and_adds_what_lacks(site: FakeResend) -> None:
    run("resend_webhook", "register")
    (webhook,) = site.team.store.webhooks
    webhook.events = [*BASIC, "email.sent"]

    outcome = run("resend_webhook", "register", "--json")

    assert outcome.code == 0
    assert outcome.json["existed"]
    assert "signing_secret" not in outcome.json
    (webhook,) = site.team.store.webhooks
    assert set(webhook.events) == {*NEEDED_TYPES, "email.sent"}


def test_where_newer_events_are_refused_it_registers_the_three(site: FakeResend) -> None:
    site.quirks["webhook_events"] = "old"

    outcome = run("resend_webhook", "register")

    assert outcome.code == 0
    assert "refused the newer events" in outcome.err
    (webhook,) = site.team.store.webhooks
    assert webhook.events == BASIC
    assert run("resend_webhook", "register").code == 0
    assert "It doesn't send: contact.topics.updated" in run("resend_webhook", "check").err


def test_a_dry_run_changes_nothing(site: FakeResend) -> None:
    assert run("resend_webhook", "register", "--dry-run").code == 0
    assert not list(site.team.store.webhooks)
    run("resend_webhook", "register")
    before = site.state()["webhooks"], secret_of(site)
    for action in ("rotate", "enable", "delete", "register"):
        assert run("resend_webhook", action, "--dry-run").code == 0
    assert (site.state()["webhooks"], secret_of(site)) == before


def test_an_address_can_be_named_and_must_be_https(resend_fake: FakeResend) -> None:
    unknown = run("resend_webhook", "register")
    assert (unknown.code, "address isn't known" in unknown.err) == (2, True)
    plain = run("resend_webhook", "register", "http://site.example/")
    assert (plain.code, "must begin with https://" in plain.err) == (2, True)
    assert run("resend_webhook", "register", URL).code == 0


def test_check_is_content_with_an_endpoint_that_works(site: FakeResend) -> None:
    run("resend_webhook", "register")
    WebhookEvent.objects.create(message_id="m", type="x", payload={}, state="ignored")

    outcome = run("resend_webhook", "check")

    assert (outcome.code, outcome.err) == (0, "")


def test_check_says_all_that_is_wrong(site: FakeResend, settings: Any) -> None:
    assert "No webhook is registered" in run("resend_webhook", "check").err
    run("resend_webhook", "register")
    (webhook,) = site.team.store.webhooks
    webhook.status = "disabled"
    old = timezone.now() - timedelta(hours=73)
    stored = {"type": "x", "payload": {}, "state": "failed", "received_at": old}
    WebhookEvent.objects.create(message_id="m", **stored)

    outcome = run("resend_webhook", "check", "--json")

    assert outcome.code == 1
    said = " ".join(outcome.json["problems"])
    assert "It is disabled." in said
    assert "No event came for more than 72 hours." in said
    assert "1 events can't be applied" in said

    assert run("resend_webhook", "enable").code == 0
    assert site.state()["webhooks"][0]["status"] == "enabled"


def test_a_disabled_endpoint_shows_in_the_status_until_it_is_mended(site: FakeResend) -> None:
    """Resend tells nobody; so the daily check does."""
    run("resend_webhook", "register")
    WebhookEvent.objects.create(message_id="m", type="x", payload={}, state="ignored")
    (webhook,) = site.team.store.webhooks
    webhook.status = "disabled"
    check_webhook()

    outcome = run("resend_status")

    assert outcome.code == 1
    assert "It is disabled." in outcome.out
    webhook.status = "enabled"
    check_webhook()
    assert run("resend_status").code == 0


def test_the_daily_check_is_for_sites_that_use_webhooks(site: FakeResend, settings: Any) -> None:
    settings.RESEND = {**settings.RESEND, "WEBHOOK_SECRET": ""}
    check_webhook()
    assert site.ledger.total == 0


def test_rotating_tells_the_new_secret_once(site: FakeResend) -> None:
    run("resend_webhook", "register")
    old = secret_of(site)

    outcome = run("resend_webhook", "rotate")

    assert outcome.code == 0
    assert secret_of(site) != old
    assert outcome.out.count(secret_of(site)) == 1
    assert old not in outcome.out


def test_secrets_can_go_into_a_file_of_the_owners_alone(site: FakeResend, tmp_path: Path) -> None:
    file = tmp_path / "env"
    outcome = run("resend_webhook", "register", "--write-env", str(file))

    assert secret_of(site) not in outcome.out
    assert file.read_text() == f'RESEND_WEBHOOK_SECRET="{secret_of(site)}"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    file.write_text(f"DEBUG=0\n{file.read_text()}")
    run("resend_webhook", "rotate", "--write-env", str(file))
    both = f"{secret_of(site)} {site.webhooks.secret}"
    assert file.read_text() == f'DEBUG=0\nRESEND_WEBHOOK_SECRET="{both}"\n'
    assert [path.name for path in tmp_path.iterdir()] == ["env"]


def test_a_file_that_cannot_be_written_does_not_cost_the_secret(site: FakeResend) -> None:
    outcome = run("resend_webhook", "register", "--write-env", "/nonexistent/env")

    assert secret_of(site) in outcome.out
    assert "can't be written" in outcome.err


def test_deleting_by_address_or_id(site: FakeResend) -> None:
    run("resend_webhook", "register")
    assert run("resend_webhook", "delete").code == 0
    assert not list(site.team.store.webhooks)

    again = run("resend_webhook", "delete")
    assert (again.code, "0 registered webhooks fit" in again.err) == (2, True)

    for _ in range(2):
        run("resend_webhook", "register", URL)
        for webhook in site.team.store.webhooks:
            webhook.endpoint = "https://other.example/"
    assert len(run("resend_webhook", "--json").json["endpoints"]) == 2
    first, second = (webhook.id for webhook in site.team.store.webhooks)
    assert run("resend_webhook", "delete", first).code == 0
    assert [webhook.id for webhook in site.team.store.webhooks] == [second]


def test_apply_does_what_the_worker_does(site: FakeResend) -> None:
    stored = {"type": "contact.updated", "payload": {"type": "contact.updated"}}
    WebhookEvent.objects.create(message_id="bad", **stored)
    WebhookEvent.objects.create(message_id="odd", type="inbox.x", payload={})

    assert run("resend_webhook", "apply", "--dry-run", "--json").json == {"waiting": 2}
    outcome = run("resend_webhook", "apply", "--json")

    assert outcome.code == 1
    assert outcome.json == {"applied": 0, "ignored": 1, "retried": 0, "failed": 1, "calls": 0}


def test_without_a_key_it_cannot_run(settings: Any) -> None:
    settings.RESEND = {"API_KEY": ""}
    outcome = run("resend_webhook")
    assert (outcome.code, "No Resend API key is set" in outcome.err) == (2, True)


def test_newer_types_that_are_refused_leave_an_endpoint_as_it_is(site: FakeResend) -> None:
    run("resend_webhook", "register")
    (webhook,) = site.team.store.webhooks
    webhook.events = [*BASIC]
    site.faults.add(route="PATCH /webhooks/{id}", status=422)

    outcome = run("resend_webhook", "register", "--json")

    assert (outcome.code, outcome.json["events"]) == (0, BASIC)
    assert webhook.events == BASIC


def test_what_every_version_knows_must_be_taken(site: FakeResend) -> None:
    run("resend_webhook", "register")
    (webhook,) = site.team.store.webhooks
    webhook.events = ["contact.created"]
    site.faults.add(route="PATCH /webhooks/{id}", status=422)

    assert run("resend_webhook", "register").code != 0


def test_a_check_that_fails_says_so_on_its_run(site: FakeResend) -> None:
    site.faults.add(route="GET /webhooks", status=401)

    assert run("resend_webhook", "check").code == 2
    assert SyncRun.objects.get(action="webhook").state == SyncRun.State.FAILED
