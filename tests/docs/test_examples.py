"""The code in the documentation: all of it compiles, and what can run is run."""

from __future__ import annotations

import ast
import inspect
import json
import unittest
from typing import Any

import pytest

from django_resend.testing import FakeResend
from tests.docs.pages import PAGES, ROOT, blocks, text

TESTS = "testing.md"


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
