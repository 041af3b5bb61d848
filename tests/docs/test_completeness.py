"""Whatever has a name that users rely on stands in the documentation."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from celery import current_app
from django.core.management import BaseCommand, call_command, load_command_class
from django.dispatch import Signal

import django_resend
from django_resend import models, signals
from django_resend.client.errors import ResendError
from django_resend.conf import KNOWN_KEYS, resend_settings
from django_resend.models import Contact
from django_resend.sync.drift.differences import Cause
from django_resend.testing import QUIRKS, FakeResend
from django_resend.testing.__main__ import parser as fake_parser
from django_resend.testing.faults import KINDS
from tests.docs.pages import section, text

PACKAGE = Path(django_resend.__file__).parent
COMMANDS = sorted(path.stem for path in (PACKAGE / "management/commands").glob("resend_*.py"))


def sources() -> Iterator[str]:
    return (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))


def options(parser: ArgumentParser) -> set[str]:
    return {name for action in parser._actions for name in action.option_strings if "--" in name}


def error_classes(base: type[ResendError] = ResendError) -> Iterator[type[ResendError]]:
    for found in base.__subclasses__():
        yield found
        yield from error_classes(found)


@pytest.mark.parametrize("key", sorted(KNOWN_KEYS))
def test_every_setting_is_documented(key: str) -> None:
    assert f"\n| `{key}` |" in section("settings.md", "Keys")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("BULK_THRESHOLD", resend_settings.bulk_threshold),
        ("HEADROOM", resend_settings.headroom),
        ("EVENT_RETENTION", int(resend_settings.event_retention)),
        ("RUN_RETENTION", int(resend_settings.run_retention)),
        ("WEBHOOK_SILENCE", int(resend_settings.webhook_silence)),
        ("MASS_DELETION_ROWS", resend_settings.mass_deletion_rows),
        ("MASS_DELETION_SHARE", resend_settings.mass_deletion_share),
        ("TIMEOUT", resend_settings.timeout),
        ("RATE_LIMIT", resend_settings.rate_limit),
    ],
)
def test_the_documented_defaults_are_the_true_ones(key: str, value: object) -> None:
    assert f"\n| `{key}` | `{value}` |" in section("settings.md", "Keys")


def test_every_environment_variable_is_documented() -> None:
    variables = set(re.findall(r'env="(RESEND_\w+)"', (PACKAGE / "conf.py").read_text()))
    assert variables
    assert [
        name for name in variables if f"`{name}`" not in section("settings.md", "Environment")
    ] == []


def test_every_check_is_documented() -> None:
    checks = {
        found for source in sources() for found in re.findall(r"django_resend\.[EW]\d+", source)
    }
    assert checks
    assert [id for id in checks if f"`{id}`" not in section("settings.md", "System checks")] == []


def test_every_logger_is_documented() -> None:
    names = {
        found for source in sources() for found in re.findall(r'getLogger\("([\w.]+)"\)', source)
    }
    assert names
    assert [name for name in names if f"`{name}`" not in section("settings.md", "Logging")] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_its_options(name: str) -> None:
    command = load_command_class("django_resend", name)
    own = options(command.create_parser("manage.py", name))
    inherited = options(BaseCommand().create_parser("manage.py", name))
    assert [one for one in own - inherited if f"`{one}" not in section("commands.md", name)] == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", COMMANDS)
def test_every_key_of_a_commands_json_is_documented(
    name: str, resend_fake: FakeResend, tmp_path: Path
) -> None:
    Contact.objects.create(email="ada@example.org")
    out = StringIO()
    has_progress = "--no-progress" in options(
        load_command_class("django_resend", name).create_parser("manage.py", name)
    )
    quiet = {"no_progress": True} if has_progress else {}
    file = tmp_path / "contacts.csv"
    file.write_text("email\n")
    files = [str(file)] if name in ("resend_import", "resend_export") else []
    call_command(name, *files, json=True, stdout=out, **quiet)
    keys = set(json.loads(out.getvalue()))
    assert [key for key in keys if f'"{key}"' not in section("commands.md", name)] == []


def test_every_task_is_in_the_schedule_of_the_readme() -> None:
    names = {name for name in current_app.tasks if name.startswith("django_resend.")}
    # Queueing a job asks for it, and the periodic push for what the broker lost.
    names.remove("django_resend.run_jobs")
    assert names
    for page in ("README.md", "quickstart.md"):
        assert [name for name in names if f'"task": "{name}"' not in text(page)] == []


@pytest.mark.parametrize(
    "name",
    sorted(name for name in models.__all__ if isinstance(getattr(models, name), type(Contact))),
)
def test_every_model_is_documented(name: str) -> None:
    assert name in text("models.md")


def test_every_signal_is_documented() -> None:
    names = [name for name in vars(signals) if isinstance(getattr(signals, name), Signal)]
    assert [name for name in names if name not in section("models.md", "Signals")] == []


def test_every_reason_for_attention_is_documented() -> None:
    told = section("consent.md", "Contacts that need attention")
    assert [value for value in Contact.Attention.values if f"`{value}`" not in told] == []


def test_every_cause_of_drift_is_documented() -> None:
    told = section("syncing.md", "Drift and repair")
    assert [cause.value for cause in Cause if f"\n| {cause.value} |" not in told] == []


def test_every_error_of_the_client_has_its_remedy() -> None:
    told = text("troubleshooting.md")
    assert [
        error.__name__ for error in error_classes() if f"\n| {error.summary} |" not in told
    ] == []


def test_every_reason_to_wait_has_its_remedy() -> None:
    found = {words for source in sources() for words in re.findall(r'NotYet\("([^"]+)"\)', source)}
    assert found
    assert [words for words in found if f"\n| {words} |" not in text("troubleshooting.md")] == []


@pytest.mark.parametrize("name", sorted(QUIRKS))
def test_every_quirk_is_documented_with_its_values(name: str) -> None:
    quirk = QUIRKS[name]
    values = ", ".join(f"`{value}`" for value in quirk.values) or f"a number, {quirk.number}"
    assert f"\n| `{name}` | {values} | {quirk.help} |" in section("testing.md", "Quirks")


def test_the_command_line_of_the_fake_is_documented() -> None:
    told = section("testing.md", "The fake as a server")
    assert [one for one in options(fake_parser()) - {"--help"} if f"`{one}" not in told] == []


def test_every_kind_of_fault_is_documented() -> None:
    told = section("testing.md", "The fake in Python")
    assert [kind for kind in KINDS if f'`"{kind}"`' not in told] == []


ROOMS = [
    "models",
    "sync",
    "sync/limiter",
    "sync/pull",
    "sync/push",
    "sync/push/bulk",
    "sync/drift",
    "sync/events",
    "sync/jobs",
    "csvfiles",
]


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_models_engine_and_files_is_in_the_architecture(room: str) -> None:
    modules = {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__"}
    told = section("architecture.md", "The rooms")
    assert [name for name in modules if f"`{name}`" not in told] == []
