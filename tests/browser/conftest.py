"""A real browser: the machine's own Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from django_resend.testing import FakeResend

from .site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on this machine")
    # Playwright runs an event loop in this thread, which Django takes for asynchronous code.
    with pytest.MonkeyPatch.context() as patch, sync_api.sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a fresh profile that fails the test when a script on it fails."""
    errors: list[str] = []
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(10_000)  # milliseconds
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.extend(_violation(message)))
    yield page
    context.close()
    assert errors == []


def _violation(message: ConsoleMessage) -> list[str]:
    """What the browser says when a page breaks its content security policy."""
    return [message.text] if "Content Security Policy" in message.text else []


@pytest.fixture(scope="session")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The running example site with what a small team has at Resend."""
    fake = FakeResend()
    segments, topics, properties = ["Friends", "Buyers"], ["News"], ["city"]
    fake.dashboard.seed(120, segments=segments, topics=topics, properties=properties)
    with fake.serve() as server:
        site = Site(tmp_path_factory.mktemp("site"), fake, server.url)
        with site.running():
            site.manage("resend_pull", "--no-progress")
            yield site
    fake.close()


@pytest.fixture
def desk(page: Page, site: Site) -> Page:
    """A page on which Marta, who may do everything, has logged in."""
    site.log_in(page)
    return page
