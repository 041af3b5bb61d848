"""pytest fixtures. Found by pytest through the distribution's entry point."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings

from .fake import FakeResend


@pytest.fixture
def resend_fake() -> Iterator[FakeResend]:
    """A fake Resend on loopback (`url`), without rate limit; it is called from one thread.

    When Django is configured, `settings.RESEND` points at it for the time of the test.
    """
    fake = FakeResend()
    with fake.serve():
        if settings.configured:
            from django.test import override_settings  # not while pytest itself is starting

            with override_settings(RESEND=_pointed_at(fake)):
                yield fake
        else:
            yield fake
    fake.close()


def _pointed_at(fake: FakeResend) -> dict[str, object]:
    site = getattr(settings, "RESEND", {})
    return {**site, "API_KEY": "re_test", "BASE_URL": fake.url, "RATE_LIMIT": 0, "CONCURRENCY": 1}
