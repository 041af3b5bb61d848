"""The app's settings: one typed view of the ``RESEND`` dict and the ``RESEND_*`` environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import environ
from django.conf import settings
from django.core.cache import DEFAULT_CACHE_ALIAS
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

Direction = Literal["both", "pull", "push"]
Side = Literal["remote", "local"]
Choice = TypeVar("Choice", bound=str)

KNOWN_KEYS = frozenset(
    {
        "API_KEY",
        "API_PERMISSION_CLASSES",
        "API_WRITABLE",
        "BASE_URL",
        "BULK_THRESHOLD",
        "CONCURRENCY",
        "CONFLICTS",
        "DIRECTION",
        "EVENT_RETENTION",
        "HEADROOM",
        "LIMITER",
        "MASS_DELETION_ROWS",
        "MASS_DELETION_SHARE",
        "RATE_LIMIT",
        "REMOTE_OPT_IN",
        "RUN_RETENTION",
        "TIMEOUT",
        "WEBHOOK_SECRET",
        "WEBHOOK_SILENCE",
        "WEBHOOK_URL",
    }
)

_env = environ.Env()


class ResendSettings:
    """Reads Django's settings at every access, so that ``override_settings`` just works.

    Every property raises ``ImproperlyConfigured`` for a value it cannot use; the message says
    what to write instead.
    """

    @property
    def given(self) -> Mapping[str, Any]:
        given = getattr(settings, "RESEND", {})
        if not isinstance(given, Mapping):
            raise ImproperlyConfigured("The setting RESEND must be a dict.")
        return given

    @property
    def api_key(self) -> str:
        value = self._value("API_KEY", env="RESEND_API_KEY", default="")
        if not isinstance(value, str) or not all("!" <= char <= "~" for char in value):
            # Without the value: it may be a key with a slip in it.
            raise ImproperlyConfigured("RESEND['API_KEY'] must be a text without spaces: re_...")
        return value

    @property
    def base_url(self) -> str:
        value = self._value("BASE_URL", env="RESEND_BASE_URL", default="")
        url = value or "https://api.resend.com"
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise ImproperlyConfigured(
                f"RESEND['BASE_URL'] is {url!r}; it must begin with https:// (or http://)."
            )
        return url.rstrip("/")

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """All secrets in force: several while one replaces another."""
        value = self._value("WEBHOOK_SECRET", env="RESEND_WEBHOOK_SECRET", default="")
        parts = value.replace(",", " ").split() if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)) or not all(isinstance(p, str) for p in parts):
            raise ImproperlyConfigured(
                "RESEND['WEBHOOK_SECRET'] must be a text (whsec_...) or a list of such texts."
            )
        return tuple(parts)

    @property
    def direction(self) -> Direction:
        value = self._value("DIRECTION", env="RESEND_DIRECTION", default="") or "both"
        return self._choice("DIRECTION", value, ("both", "pull", "push"))

    @property
    def may_push(self) -> bool:
        return self.direction != "pull"

    @property
    def may_pull(self) -> bool:
        return self.direction != "push"

    @property
    def conflicts(self) -> Side:
        """Which side wins where both changed one value; consent has rules of its own."""
        return self._choice("CONFLICTS", self.given.get("CONFLICTS", "remote"), ("remote", "local"))

    @property
    def remote_opt_in(self) -> Literal["follow", "hold"]:
        value = self.given.get("REMOTE_OPT_IN", "follow")
        return self._choice("REMOTE_OPT_IN", value, ("follow", "hold"))

    @property
    def rate_limit(self) -> float | None:
        """Calls a second; 0 for no limit, ``None`` to learn it from the replies."""
        value = self.given.get("RATE_LIMIT")
        return None if value is None else self._number("RATE_LIMIT", value, low=0)

    @property
    def headroom(self) -> float:
        """The share of the team's rate that the mirror leaves to the site's own e-mail."""
        return self._number("HEADROOM", self.given.get("HEADROOM", 0.05), low=0, high=0.9)

    @property
    def limiter(self) -> Literal["cache", "database"]:
        """Where the call budget is kept; ``"auto"`` is decided by the site's default cache."""
        value = self.given.get("LIMITER", "auto")
        choice = self._choice("LIMITER", value, ("auto", "cache", "database"))
        if choice == "database":
            return "database"
        if _default_cache_is_redis():
            return "cache"
        if choice == "cache":
            raise ImproperlyConfigured(
                "RESEND['LIMITER'] is 'cache'; for that CACHES['default'] must be Django's "
                "RedisCache."
            )
        return "database"

    @property
    def concurrency(self) -> int:
        """The most calls that one run has under way at once."""
        value = self.given.get("CONCURRENCY", 8)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 32:
            raise ImproperlyConfigured(
                f"RESEND['CONCURRENCY'] is {value!r}; it must be a whole number from 1 to 32."
            )
        return value

    @property
    def timeout(self) -> tuple[float, float]:
        """Seconds to connect and seconds to wait for an answer."""
        value = self.given.get("TIMEOUT", (5.0, 30.0))
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ImproperlyConfigured("RESEND['TIMEOUT'] must be (connect, read) in seconds.")
        connect, read = (self._number("TIMEOUT", part, low=0.001) for part in value)
        return connect, read

    @property
    def mass_deletion_share(self) -> float:
        value = self.given.get("MASS_DELETION_SHARE", 0.10)
        return self._number("MASS_DELETION_SHARE", value, low=0, high=1)

    @property
    def mass_deletion_rows(self) -> int:
        return int(self._number("MASS_DELETION_ROWS", self.given.get("MASS_DELETION_ROWS", 10)))

    @property
    def bulk_threshold(self) -> int:
        """From how many contacts with the same sort of change on a CSV import is sent; 0: never."""
        return int(self._number("BULK_THRESHOLD", self.given.get("BULK_THRESHOLD", 50)))

    @property
    def webhook_url(self) -> str:
        """The webhook's public address; empty where the site's own is to be worked out."""
        value = self.given.get("WEBHOOK_URL", "")
        if not isinstance(value, str) or not (value == "" or value.startswith("https://")):
            raise ImproperlyConfigured("RESEND['WEBHOOK_URL'] must be a text: https://...")
        return value

    @property
    def webhook_silence(self) -> float:
        """Hours without a webhook after which something must be wrong; 0 for never."""
        return self._number("WEBHOOK_SILENCE", self.given.get("WEBHOOK_SILENCE", 72))

    @property
    def event_retention(self) -> float:
        """Days that settled webhook events are kept; 0 for ever."""
        return self._number("EVENT_RETENTION", self.given.get("EVENT_RETENTION", 30))

    @property
    def run_retention(self) -> float:
        """Days that ended runs and settled conflicts are kept; 0 for ever."""
        return self._number("RUN_RETENTION", self.given.get("RUN_RETENTION", 90))

    @property
    def api_writable(self) -> bool:
        value = self.given.get("API_WRITABLE", False)
        if not isinstance(value, bool):
            raise ImproperlyConfigured(
                f"RESEND['API_WRITABLE'] is {value!r}; it must be True or False."
            )
        return value

    @property
    def api_permission_classes(self) -> tuple[str, ...]:
        """Dotted paths of REST framework permission classes for every viewset of ours."""
        default = ("django_resend.api.permissions.ModelPermissions",)
        value = self.given.get("API_PERMISSION_CLASSES", default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(p, str) for p in value):
            raise ImproperlyConfigured(
                "RESEND['API_PERMISSION_CLASSES'] must be a list of dotted paths."
            )
        return tuple(value)

    def _value(self, key: str, *, env: str, default: str) -> Any:
        if self.given.get(key) is not None:
            return self.given[key]
        return _env.str(env, default=default)

    @staticmethod
    def _choice(key: str, value: Any, choices: tuple[Choice, ...]) -> Choice:
        for choice in choices:
            if value == choice:
                return choice
        allowed = ", ".join(repr(choice) for choice in choices)
        raise ImproperlyConfigured(f"RESEND['{key}'] is {value!r}; it must be one of {allowed}.")

    @staticmethod
    def _number(key: str, value: Any, *, low: float = 0, high: float | None = None) -> float:
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= low
        if not good or (high is not None and value > high):
            bounds = f"at least {low}" if high is None else f"from {low} to {high}"
            raise ImproperlyConfigured(
                f"RESEND['{key}'] is {value!r}; it must be a number {bounds}."
            )
        return float(value)


def _default_cache_is_redis() -> bool:
    backend = getattr(settings, "CACHES", {}).get(DEFAULT_CACHE_ALIAS, {}).get("BACKEND", "")
    try:
        return issubclass(import_string(backend), RedisCache)
    except (ImportError, TypeError):
        return False


resend_settings = ResendSettings()
