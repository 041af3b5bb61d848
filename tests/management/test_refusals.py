"""Where Resend can't be worked with: one clear sentence on stderr, exit 2, nothing changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_resend.client import errors
from django_resend.models import Contact
from django_resend.testing import FakeResend
from tests.sync.conftest import pauses
from tests.sync.helpers import rows

from .helpers import run

__all__ = ["pauses"]

MANAGE = Path(__file__).parents[2] / "manage.py"
NOBODY_LISTENS = "http://127.0.0.1:9"

Spoil = Callable[[FakeResend, dict[str, object]], None]


def wrong_key(fake: FakeResend, site: dict[str, object]) -> None:
    site["API_KEY"] = "re_wrong"


def sending_key(fake: FakeResend, site: dict[str, object]) -> None:
    site["API_KEY"] = "re_sending"


def blocked_agent(fake: FakeResend, site: dict[str, object]) -> None:
    fake.faults.add(status=403, body="error code: 1010", times=99)


def no_network(fake: FakeResend, site: dict[str, object]) -> None:
    site["BASE_URL"] = NOBODY_LISTENS


def no_key(fake: FakeResend, site: dict[str, object]) -> None:
    site["API_KEY"] = ""


def key_of_two_words(fake: FakeResend, site: dict[str, object]) -> None:
    site["API_KEY"] = "re_test and more"


def odd_setting(fake: FakeResend, site: dict[str, object]) -> None:
    site["DIRECTION"] = "sideways"


SENTENCES: dict[Spoil, str] = {
    wrong_key: "Resend refused access, check the API key and its permissions ({call}): "
    "403 invalid_api_key: API key is invalid.",
    sending_key: "Resend refused access, check the API key and its permissions ({call}): "
    "401 restricted_api_key: This API key is restricted to only send emails.",
    blocked_agent: "Resend's CDN refused the User-Agent (error 1010) ({call}): 403",
    no_network: "Resend could not be reached, nothing was sent ({call}): "
    "NewConnectionError, Connection refused",
    no_key: "No Resend API key is set. Set RESEND_API_KEY in the environment, or "
    "RESEND['API_KEY'] in the settings.",
    key_of_two_words: "RESEND['API_KEY'] must be a text without spaces: re_...",
    odd_setting: "RESEND['DIRECTION'] is 'sideways'; it must be one of 'both', 'pull', 'push'.",
}
CALLS = {
    "resend_pull": "GET /contact-properties",
    "resend_push": "GET /contacts/{contact}",
    "resend_sync": "GET /contact-properties",
}
spoilt = pytest.mark.parametrize("spoil", SENTENCES, ids=lambda spoil: spoil.__name__)


@pytest.mark.django_db
@spoilt
@pytest.mark.parametrize("command", CALLS)
def test_it_says_so_in_one_sentence_and_leaves_everything_as_it_was(
    resend_fake: FakeResend,
    settings: Any,
    pauses: list[float],
    command: str,
    spoil: Spoil,
) -> None:
    resend_fake.dashboard.seed(contacts=30, segments=2, topics=1, properties=1)
    run("resend_pull")
    Contact.objects.create(email="waiting@example.org")
    site = {**settings.RESEND}
    spoil(resend_fake, site)
    settings.RESEND = site
    before = rows()

    outcome = run(command, "--no-progress")

    sentence = SENTENCES[spoil].replace("{call}", CALLS[command])
    assert outcome == (2, "", f"CommandError: {sentence}\n")
    assert rows() == before


@pytest.mark.django_db
def test_a_changed_contact_waits_as_it_did(resend_fake: FakeResend, settings: Any) -> None:
    resend_fake.dashboard.seed(contacts=1)
    run("resend_pull")
    Contact.objects.filter().update(first_name="Ada")
    settings.RESEND = {**settings.RESEND, "API_KEY": "re_wrong"}
    before = rows()

    assert run("resend_push", "--no-progress").code == 2
    assert rows() == before


@pytest.mark.parametrize(
    ("key", "sentence"),
    [("re_wrong", SENTENCES[wrong_key]), ("re_sending", SENTENCES[sending_key])],
    ids=["wrong", "sending"],
)
def test_the_process_writes_the_sentence_to_stderr_and_exits_2(
    child_env: dict[str, str], key: str, sentence: str
) -> None:
    fake = FakeResend()
    with fake.serve():
        child = subprocess.run(
            [sys.executable, str(MANAGE), "resend_pull"],
            env={**child_env, "RESEND_BASE_URL": fake.url, "RESEND_API_KEY": key},
            capture_output=True,
            text=True,
        )

    said = child.stderr.splitlines()
    assert said[-1] == f"CommandError: {sentence.replace('{call}', CALLS['resend_pull'])}"
    assert "Traceback" not in child.stderr
    assert (child.returncode, child.stdout) == (2, "")


@pytest.mark.django_db
def test_the_key_is_never_said(
    resend_fake: FakeResend, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    key = "re_aVeryTellingKey_42"
    settings.RESEND = {**settings.RESEND, "API_KEY": key}
    body = {"statusCode": 403, "name": "invalid_api_key", "message": f"{key} is not valid."}
    resend_fake.faults.add(status=403, body=body)

    with caplog.at_level("DEBUG"):
        outcome = run("resend_pull")
        status = run("resend_status", "--json")

    assert outcome.code == 2
    assert key not in outcome.err + outcome.out + status.out + caplog.text


@pytest.mark.django_db
def test_resend_going_down_in_the_middle_is_told_by_its_error(
    resend_fake: FakeResend, pauses: list[float]
) -> None:
    resend_fake.dashboard.seed(contacts=150)
    resend_fake.faults.add(status=503, times=5, route="GET /contacts")

    outcome = run("resend_pull", "--no-progress")

    assert outcome.code == 2
    assert errors.ServerFault.summary in outcome.err
    assert "503" in outcome.err
