"""Where the site's webhook is, told by the settings, the URLs and Django's sites."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as site_settings

from django_resend.sync.address import own_path, own_url


@pytest.fixture
def sites(settings: Any) -> Any:
    """The site uses Django's sites."""
    settings.INSTALLED_APPS = [*site_settings.INSTALLED_APPS, "django.contrib.sites"]
    return settings


def test_the_setting_comes_first(sites: Any) -> None:
    sites.RESEND = {**sites.RESEND, "WEBHOOK_URL": "https://site.example/hook/"}
    assert own_url() == "https://site.example/hook/"


def test_the_current_site_tells_the_domain(sites: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.sites.models import SITE_CACHE, Site

    sites.SITE_ID = 7
    monkeypatch.setitem(SITE_CACHE, 7, Site(pk=7, domain="site.example"))
    assert own_url() == "https://site.example/resend/webhook/"


def test_without_a_current_site_it_is_not_known(sites: Any) -> None:
    assert own_url() is None


def test_without_sites_only_the_path_is_known() -> None:
    assert own_path() == "/resend/webhook/"
    assert own_url() is None


def test_without_our_urls_there_is_none(sites: Any) -> None:
    sites.ROOT_URLCONF = "django_resend.api.urls"
    assert own_path() is None
    assert own_url() is None
