"""The example site's form, as its visitors see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_django.live_server_helper import LiveServer

from django_resend.models import Contact

from .site import follow

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.urls("example_project.urls")]


def test_a_visitor_joins_the_newsletter(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url)
    follow(page, page.get_by_role("link", name="Sign up"))
    page.get_by_label("Your e-mail address").fill("ada@example.org")
    follow(page, page.get_by_role("button", name="Sign up"))

    assert "Thank you" in page.get_by_role("status").inner_text()
    assert Contact.objects.get().email == "ada@example.org"
