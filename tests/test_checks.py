"""The system checks: numbered, each with a hint."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

# Django's own checks ask the database.
pytestmark = pytest.mark.django_db


SECRET = "whsec_bWlycm9yLXRlc3Qtc2VjcmV0LTAxMjM0NTY3ODlhYmM="


def found(settings: Any, value: Any) -> list[CheckMessage]:
    """Our messages for these settings, which have a webhook secret unless they say otherwise."""
    settings.RESEND = {"WEBHOOK_SECRET": SECRET, **value} if isinstance(value, dict) else value
    return [m for m in run_checks() if str(m.id).startswith("django_resend.")]


def test_a_configured_site_passes(settings: Any) -> None:
    assert found(settings, {"API_KEY": "re_test"}) == []


def test_a_missing_key_is_a_warning(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESEND_API_KEY", raising=False)

    (message,) = found(settings, {})

    assert (message.id, message.is_serious()) == ("django_resend.W002", False)
    assert "RESEND_API_KEY" in str(message.hint)


def test_a_misspelt_key_is_a_warning_that_lists_the_known_ones(settings: Any) -> None:
    (message,) = found(settings, {"API_KEY": "re_test", "RATELIMIT": 5})

    assert (message.id, message.is_serious()) == ("django_resend.W001", False)
    assert message.msg == "RESEND['RATELIMIT'] is not a setting of ours."
    assert "RATE_LIMIT" in str(message.hint)


def test_a_setting_that_is_no_dict_is_an_error(settings: Any) -> None:
    (message,) = found(settings, "re_test")

    assert (message.id, message.is_serious()) == ("django_resend.E001", True)
    assert message.hint == "Write RESEND = {...}."


@pytest.mark.parametrize(
    ("key", "value"), [("HEADROOM", 2), ("TIMEOUT", 30), ("CONFLICTS", "none")]
)
def test_a_bad_value_is_one_error_with_the_sentence_of_the_settings(
    settings: Any, key: str, value: Any
) -> None:
    (message,) = found(settings, {"API_KEY": "re_test", key: value})

    assert (message.id, message.is_serious()) == ("django_resend.E002", True)
    assert message.msg.startswith(f"RESEND['{key}'] ")
    assert message.hint


def test_a_bad_direction_is_told_once(settings: Any) -> None:
    assert len(found(settings, {"API_KEY": "re_test", "DIRECTION": "sideways"})) == 1


def test_several_bad_values_are_told_together(settings: Any) -> None:
    messages = found(settings, {"API_KEY": "re_test", "HEADROOM": 2, "TIMEOUT": 30, "X": 1})

    assert sorted(str(message.id) for message in messages) == [
        "django_resend.E002",
        "django_resend.E002",
        "django_resend.W001",
    ]


def test_an_error_keeps_the_site_from_starting(settings: Any) -> None:
    settings.RESEND = {"HEADROOM": 2}

    with pytest.raises(SystemCheckError, match=r"django_resend\.E002"):
        call_command("check")


def test_no_check_says_the_key(settings: Any) -> None:
    messages = found(settings, {"API_KEY": "re_secret", "HEADROOM": 2, "API_KEYS": "re_secret"})

    assert messages
    assert "re_secret" not in "".join(f"{m.msg}{m.hint}" for m in messages)


def test_a_missing_webhook_secret_is_a_warning_where_the_url_is_included(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESEND_WEBHOOK_SECRET", raising=False)
    without = {"API_KEY": "re_test", "WEBHOOK_SECRET": ""}

    (message,) = found(settings, without)

    assert (message.id, message.is_serious()) == ("django_resend.W003", False)
    assert "/resend/webhook/" in message.msg

    settings.ROOT_URLCONF = "tests.admin.urls"
    assert found(settings, without) == []


@pytest.mark.parametrize("secret", ["whsec_$", "whsec_", "bWlycm9y", [SECRET, "whsec_ä"]])
def test_a_malformed_webhook_secret_is_an_error_that_does_not_say_it(
    settings: Any, secret: Any
) -> None:
    (message,) = found(settings, {"API_KEY": "re_test", "WEBHOOK_SECRET": secret})

    assert (message.id, message.is_serious()) == ("django_resend.E003", True)
    assert "bWlycm9y" not in message.msg
