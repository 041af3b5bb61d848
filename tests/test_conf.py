"""The settings: read at every access, and refused in one sentence where they can't be used."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_resend.conf import KNOWN_KEYS, resend_settings

LOCAL_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
REDIS = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": "redis://127.0.0.1:9",
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    for name in ("API_KEY", "BASE_URL", "DIRECTION", "WEBHOOK_SECRET"):
        monkeypatch.delenv(f"RESEND_{name}", raising=False)
    settings.RESEND = {}
    settings.CACHES = {"default": LOCAL_MEMORY}


def test_the_defaults_are_those_of_a_site_that_mirrors_both_ways() -> None:
    assert resend_settings.api_key == ""
    assert resend_settings.base_url == "https://api.resend.com"
    assert resend_settings.webhook_secrets == ()
    assert resend_settings.direction == "both"
    assert resend_settings.may_pull
    assert resend_settings.may_push
    assert resend_settings.rate_limit is None
    assert resend_settings.limiter == "database"
    assert resend_settings.concurrency == 8
    assert resend_settings.conflicts == "remote"
    assert resend_settings.remote_opt_in == "follow"
    assert resend_settings.timeout == (5.0, 30.0)
    assert resend_settings.mass_deletion_share == 0.10
    assert resend_settings.mass_deletion_rows == 10
    assert resend_settings.api_writable is False


def test_a_site_without_the_dict_has_the_defaults(settings: Any) -> None:
    del settings.RESEND

    assert resend_settings.direction == "both"


GOOD: list[tuple[str, Any, str, Any]] = [
    ("API_KEY", "re_test", "api_key", "re_test"),
    ("BASE_URL", "http://127.0.0.1:8025/", "base_url", "http://127.0.0.1:8025"),
    ("WEBHOOK_SECRET", "whsec_a", "webhook_secrets", ("whsec_a",)),
    ("WEBHOOK_SECRET", "whsec_a, whsec_b", "webhook_secrets", ("whsec_a", "whsec_b")),
    ("WEBHOOK_SECRET", ["whsec_a", "whsec_b"], "webhook_secrets", ("whsec_a", "whsec_b")),
    ("DIRECTION", "pull", "may_push", False),
    ("DIRECTION", "push", "may_pull", False),
    ("CONFLICTS", "local", "conflicts", "local"),
    ("REMOTE_OPT_IN", "hold", "remote_opt_in", "hold"),
    ("RATE_LIMIT", 0, "rate_limit", 0.0),
    ("RATE_LIMIT", 2.5, "rate_limit", 2.5),
    ("BULK_THRESHOLD", 0, "bulk_threshold", 0),
    ("HEADROOM", 0.5, "headroom", 0.5),
    ("LIMITER", "database", "limiter", "database"),
    ("CONCURRENCY", 3, "concurrency", 3),
    ("TIMEOUT", [1, 2], "timeout", (1.0, 2.0)),
    ("MASS_DELETION_SHARE", 1, "mass_deletion_share", 1.0),
    ("MASS_DELETION_ROWS", 500, "mass_deletion_rows", 500),
    ("WEBHOOK_URL", "https://a.example/h/", "webhook_url", "https://a.example/h/"),
    ("WEBHOOK_SILENCE", 24, "webhook_silence", 24.0),
    ("EVENT_RETENTION", 0, "event_retention", 0.0),
    ("RUN_RETENTION", 7.5, "run_retention", 7.5),
    ("API_WRITABLE", True, "api_writable", True),
    ("API_PERMISSION_CLASSES", ["a.B"], "api_permission_classes", ("a.B",)),
]


@pytest.mark.parametrize(("key", "value", "name", "read"), GOOD)
def test_a_setting_works_at_once(key: str, value: Any, name: str, read: Any) -> None:
    assert key in KNOWN_KEYS
    before = getattr(resend_settings, name)

    with override_settings(RESEND={key: value}):
        assert getattr(resend_settings, name) == read

    assert getattr(resend_settings, name) == before


@pytest.mark.parametrize(
    ("limiter", "cache", "store"),
    [
        ("auto", LOCAL_MEMORY, "database"),
        ("auto", REDIS, "cache"),
        ("cache", REDIS, "cache"),
        ("database", REDIS, "database"),
    ],
)
def test_the_budget_is_kept_where_the_settings_and_the_default_cache_say(
    settings: Any, limiter: str, cache: dict[str, str], store: str
) -> None:
    settings.CACHES = {"default": cache}
    settings.RESEND = {"LIMITER": limiter}

    assert resend_settings.limiter == store


BAD: list[Any] = [
    ("LIMITER", "redis", "limiter"),
    ("LIMITER", "cache", "limiter"),
    ("CONCURRENCY", 0, "concurrency"),
    ("CONCURRENCY", 1.5, "concurrency"),
    ("DIRECTION", "sideways", "direction"),
    ("DIRECTION", ["both"], "direction"),
    ("CONFLICTS", "both", "conflicts"),
    ("CONFLICTS", None, "conflicts"),
    ("REMOTE_OPT_IN", True, "remote_opt_in"),
    ("RATE_LIMIT", "10", "rate_limit"),
    ("RATE_LIMIT", -1, "rate_limit"),
    ("RATE_LIMIT", True, "rate_limit"),
    ("RATE_LIMIT", float("nan"), "rate_limit"),
    ("BULK_THRESHOLD", -1, "bulk_threshold"),
    ("HEADROOM", 0.91, "headroom"),
    ("HEADROOM", None, "headroom"),
    ("TIMEOUT", 30, "timeout"),
    ("TIMEOUT", (5, None), "timeout"),
    ("TIMEOUT", (5, 0), "timeout"),
    ("TIMEOUT", (1, 2, 3), "timeout"),
    ("MASS_DELETION_SHARE", 1.1, "mass_deletion_share"),
    ("MASS_DELETION_SHARE", "10 %", "mass_deletion_share"),
    ("MASS_DELETION_ROWS", -1, "mass_deletion_rows"),
    ("MASS_DELETION_ROWS", None, "mass_deletion_rows"),
    ("BASE_URL", "api.resend.com", "base_url"),
    ("API_KEY", "two words", "api_key"),
    ("API_KEY", 42, "api_key"),
    ("WEBHOOK_SECRET", 42, "webhook_secrets"),
    ("WEBHOOK_URL", "http://a.example/", "webhook_url"),
    ("WEBHOOK_SILENCE", "a day", "webhook_silence"),
    ("EVENT_RETENTION", -1, "event_retention"),
    ("RUN_RETENTION", None, "run_retention"),
    ("API_WRITABLE", "no", "api_writable"),
    ("API_PERMISSION_CLASSES", "a.B", "api_permission_classes"),
    ("API_PERMISSION_CLASSES", None, "api_permission_classes"),
]


@pytest.mark.parametrize(("key", "value", "name"), BAD)
def test_a_bad_value_is_refused_with_what_to_write_instead(key: str, value: Any, name: str) -> None:
    with (
        override_settings(RESEND={key: value}),
        pytest.raises(ImproperlyConfigured) as caught,
    ):
        getattr(resend_settings, name)

    said = str(caught.value)
    assert said.startswith(f"RESEND['{key}']")
    assert " must " in said


def test_every_key_has_a_test_of_a_good_and_of_a_bad_value() -> None:
    bad = {getattr(case, "values", case)[0] for case in BAD}

    assert {case[0] for case in GOOD} == bad == KNOWN_KEYS


@pytest.mark.parametrize("value", [None, ["API_KEY"], "re_test"])
def test_anything_but_a_dict_is_refused(settings: Any, value: Any) -> None:
    settings.RESEND = value

    with pytest.raises(ImproperlyConfigured, match="RESEND must be a dict"):
        _ = resend_settings.api_key


@pytest.mark.parametrize(
    ("variable", "value", "name", "read"),
    [
        ("RESEND_API_KEY", "re_env", "api_key", "re_env"),
        ("RESEND_BASE_URL", "http://127.0.0.1:1", "base_url", "http://127.0.0.1:1"),
        ("RESEND_DIRECTION", "pull", "direction", "pull"),
        ("RESEND_WEBHOOK_SECRET", "whsec_a whsec_b", "webhook_secrets", ("whsec_a", "whsec_b")),
    ],
)
def test_what_is_not_set_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str, read: Any
) -> None:
    monkeypatch.setenv(variable, value)

    assert getattr(resend_settings, name) == read


def test_the_settings_win_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setenv("RESEND_API_KEY", "re_env")
    settings.RESEND = {"API_KEY": "re_dict"}

    assert resend_settings.api_key == "re_dict"


def test_a_bad_value_in_the_environment_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEND_DIRECTION", "sideways")

    with pytest.raises(ImproperlyConfigured, match="must be one of 'both', 'pull', 'push'"):
        _ = resend_settings.direction
