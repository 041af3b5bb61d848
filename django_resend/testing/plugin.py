"""pytest fixtures. Found by pytest through the distribution's entry point."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings

from .fake import FakeResend


class ServedFake(FakeResend):
    """A fake that knows its address."""

    url: str = ""


@pytest.fixture
def resend_fake() -> Iterator[ServedFake]:
    """A fake Resend on loopback, without rate limit; `settings.RESEND` points at it."""
    fake = ServedFake()
    with fake.serve() as server:
        fake.url = server.url
        if settings.configured:
            with override_settings(RESEND=_pointed_at(fake)):
                yield fake
        else:
            yield fake
    fake.close()


def _pointed_at(fake: ServedFake) -> dict[str, object]:
    site = getattr(settings, "RESEND", {})
    return {**site, "API_KEY": "re_test", "BASE_URL": fake.url, "RATE_LIMIT": 0}
