"""Either store of the call budget, for a specification that both must meet."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import caches

from django_resend.models import CallBudget
from django_resend.sync.limiter import cache, stores


@contextmanager
def keep_budget_in(store: str, settings: Any) -> Iterator[None]:
    """Keep the budget in the "database" or the "cache"; skips where there is no Redis."""
    settings.RESEND = {"API_KEY": "re_test", "LIMITER": store}
    if store == "database":
        yield
        return
    url = os.environ.get("TEST_REDIS_URL")
    if not url:
        pytest.skip("TEST_REDIS_URL is not set")
    pytest.importorskip("redis")
    settings.CACHES = redis_cache(url)
    try:
        yield
    finally:
        forget()


def redis_cache(url: str) -> dict[str, Any]:
    """Django's Redis cache, with keys that no other test has."""
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"default": {"BACKEND": backend, "LOCATION": url, "KEY_PREFIX": uuid.uuid4().hex}}


def forget() -> None:
    """Start with a budget of which nothing is known, in whatever store."""
    stores._cache_down_until = 0.0
    stores._told_outage = False
    CallBudget.objects.all().delete()
    if "redis" in type(caches["default"]).__module__:
        with cache._reaching() as redis:
            redis.delete(cache._key())
