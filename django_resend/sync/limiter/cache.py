"""The budget in Redis, where the site's default cache is one: no write to the database a call."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.core.cache import caches

from .pace import State
from .store import StoreDown
from .team import TEAM

KEY = f"django_resend:budget:1:{TEAM}"
"""The number changes with the fields of ``State``."""

SWAP = """
local standing = redis.call('GET', KEYS[1]) or ARGV[3]
if standing ~= ARGV[1] then return standing end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4])
return nil
"""

KEPT_SECONDS = 30 * 24 * 60 * 60
"""A site that makes no call for so long starts anew."""


class CacheStore:
    """Compare-and-swap by a script; by the server's clock, so that those of machines may differ."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def read(self) -> State:
        with _reaching() as redis:
            pipeline = redis.pipeline(transaction=False)
            pipeline.get(_key())
            pipeline.time()
            told, (seconds, micros) = pipeline.execute()
        self._ahead = seconds + micros / 1_000_000 - time.time()
        return _unpacked(told) if told else State()

    def swap(self, known: State, following: State) -> State | None:
        with _reaching() as redis:
            states = map(_packed, (known, following, State()))
            standing = redis.eval(SWAP, 1, _key(), *states, KEPT_SECONDS)
        return None if standing is None else _unpacked(standing)


@contextmanager
def _reaching() -> Iterator[Any]:
    """The Redis client of Django's cache, of which each thread has its own."""
    from redis.exceptions import RedisError

    backend: Any = caches["default"]
    try:
        yield backend._cache.get_client(None, write=True)
    except (RedisError, OSError) as error:
        raise StoreDown(type(error).__name__) from error


def _key() -> str:
    """The key as the cache's KEY_PREFIX makes it: sites may share a server."""
    return str(caches["default"].make_key(KEY))


def _packed(state: State) -> str:
    return json.dumps(asdict(state))


def _unpacked(packed: bytes) -> State:
    return State(**json.loads(packed))
