"""The code in the documentation: all of it compiles, and what can run is run."""

from __future__ import annotations

import ast
import inspect
import json
import unittest
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.core import mail
from django.core.management import call_command
from django.dispatch import Signal

from django_resend import signals
from django_resend.testing import FakeResend
from tests.docs.pages import PAGES, ROOT, blocks, text

TESTS = "testing.md"


@pytest.fixture(autouse=True)
def receivers() -> Iterator[None]:
    """The receivers that examples connect are gone after each test."""
    sent = [signal for signal in vars(signals).values() if isinstance(signal, Signal)]
    before = [list(signal.receivers) for signal in sent]
    yield
    for signal, kept in zip(sent, before, strict=True):
        signal.receivers = kept
        signal.sender_receivers_cache.clear()


def shown_tests() -> list[str]:
    trees = [ast.parse(code) for code in blocks(TESTS, "python")]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [function.name for function in functions]


def run(page: str) -> dict[str, Any]:
    """The names that the page's Python defines when it is read from top to bottom."""
    names: dict[str, Any] = {"__name__": page}
    for code in blocks(page, "python"):
        exec(compile(code, page, "exec"), names)  # noqa: S102  (the project's own pages)
    return names


@pytest.mark.parametrize("page", PAGES)
def test_every_python_and_json_block_can_be_read(page: str) -> None:
    for code in blocks(page, "python"):
        compile(code, page, "exec")
    for document in blocks(page, "json"):
        json.loads(document.replace("{...}", "{}"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["models.md", "consent.md"])
def test_the_examples_on_models_and_consent_run(page: str) -> None:
    run(page)


@pytest.mark.django_db(transaction=True)
def test_the_example_that_tells_the_owner_of_an_unsubscribe_does(
    resend_fake: FakeResend, settings: Any
) -> None:
    owner = "owner@example.org"
    settings.MANAGERS = [owner] if django.VERSION >= (6, 0) else [("Owner", owner)]
    # Django 6.1 warns without it; older ones don't know it.
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    names = run("webhooks.md")
    resend_fake.dashboard.create_contact("ada@example.org")
    call_command("resend_pull", no_progress=True)
    resend_fake.dashboard.unsubscribe("ada@example.org")
    call_command("resend_pull", no_progress=True)
    (message,) = mail.outbox
    assert message.to == ["owner@example.org"]
    assert "ada@example.org has unsubscribed." in message.body
    # Signals hold their receivers weakly.
    assert names["tell_the_owner"]


def test_the_settings_of_the_quickstart_can_be_executed() -> None:
    names: dict[str, Any] = {"DATABASES": {"default": {}}}
    for page in ("README.md", "quickstart.md"):
        for code in blocks(page, "python"):
            if code.startswith("# settings.py"):
                exec(code, names)  # noqa: S102  (the project's own pages)
    assert "django_resend" in names["INSTALLED_APPS"]
    assert names["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.django_db
@pytest.mark.parametrize("name", shown_tests())
def test_the_tests_shown_for_pytest_pass(name: str, resend_fake: FakeResend) -> None:
    function = run(TESTS)[name]
    fixtures = {"resend_fake": resend_fake, "db": None}
    function(
        **{argument: fixtures[argument] for argument in inspect.signature(function).parameters}
    )


@pytest.mark.django_db(transaction=True)
def test_the_tests_shown_for_unittest_pass() -> None:
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(run(TESTS)["SignUpTests"])
    outcome = suite.run(unittest.TestResult())
    assert outcome.testsRun == 1
    assert not outcome.errors + outcome.failures


def test_the_two_commands_of_the_readme_are_marked() -> None:
    readme = text("README.md")
    for marker in ("demo", "tests"):
        _, _, rest = readme.partition(f"\n<!-- {marker} -->\n")
        assert rest.startswith("```sh\npython3 -m venv .venv && ")


def test_files_that_the_readme_names_exist() -> None:
    targets = [part.split(")")[0] for part in text("README.md").split("](")[1:]]
    local = [target for target in targets if "://" not in target]
    assert local
    assert [target for target in local if not (ROOT / target).exists()] == []
