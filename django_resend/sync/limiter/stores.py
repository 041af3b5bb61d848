"""Which store the site uses, and the other one while that is down."""

from __future__ import annotations

import logging
import time

from django.db import DEFAULT_DB_ALIAS

from ...conf import resend_settings
from .cache import CacheStore
from .database import DatabaseStore
from .pace import State
from .store import Store, StoreDown

logger = logging.getLogger("django_resend.sync")

OUTAGE_SECONDS = 30.0
"""After the cache failed, how long the budget is kept in the database before it is tried again."""

_cache_down_until = 0.0
_told_outage = False


class CacheOrDatabase:
    """The cache, and the database while that is down.

    Their states differ, so a swap that meets the other store fails and the caller reads anew.
    """

    def __init__(self, cache: Store, database: Store) -> None:
        self._cache = cache
        self._database = database

    def now(self) -> float:
        return self._standing().now()

    def read(self) -> State:
        global _told_outage
        try:
            state = self._standing().read()
        except StoreDown as error:
            _note_outage(error)
            return self._database.read()
        _told_outage = time.monotonic() < _cache_down_until
        return state

    def swap(self, known: State, following: State) -> State | None:
        try:
            return self._standing().swap(known, following)
        except StoreDown as error:
            _note_outage(error)
            return self._database.read()

    def _standing(self) -> Store:
        return self._database if time.monotonic() < _cache_down_until else self._cache


def open_store(using: str = DEFAULT_DB_ALIAS) -> Store:
    """The store that the settings name. Raises ``ImproperlyConfigured``."""
    if resend_settings.limiter == "database":
        return DatabaseStore(using)
    return CacheOrDatabase(CacheStore(), DatabaseStore(using))


def _note_outage(error: StoreDown) -> None:
    """Warn once an outage, however long it lasts."""
    global _cache_down_until, _told_outage
    _cache_down_until = time.monotonic() + OUTAGE_SECONDS
    if not _told_outage:
        _told_outage = True
        logger.warning(
            "The cache can't be reached (%s); the call budget is kept in the database for now.",
            error,
        )
