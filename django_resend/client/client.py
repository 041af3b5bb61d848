"""The client: one key, one pooled session, one attribute for each kind of object."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import NoReturn, Self

import requests

from django_resend.client.resources.contacts import Contacts
from django_resend.client.resources.imports import Imports
from django_resend.client.resources.properties import Properties
from django_resend.client.resources.segments import Segments
from django_resend.client.resources.topics import Topics
from django_resend.client.resources.webhooks import Webhooks
from django_resend.client.transport import Throttle, Transport

BASE_URL = "https://api.resend.com"


class Client:
    """Resend's contact API for one team.

    `timeout` is (connect, read) in seconds; `pool_size` is the number of connections kept and the
    most that are open at once. Threads may share a client; after a fork make a new one. It repeats
    only what failed before anything was sent. Raises ValueError for a key that cannot be one.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = BASE_URL,
        user_agent: str | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
        throttle: Throttle | None = None,
        pool_size: int = 4,
    ) -> None:
        self._base_url = base_url
        self._transport = Transport(
            api_key,
            base_url=base_url,
            user_agent=user_agent,
            timeout=timeout,
            throttle=throttle,
            pool_size=pool_size,
        )
        self.contacts = Contacts(self._transport)
        self.segments = Segments(self._transport)
        self.topics = Topics(self._transport)
        self.properties = Properties(self._transport)
        self.imports = Imports(self._transport)
        self.webhooks = Webhooks(self._transport)

    @property
    def calls(self) -> int:
        """The number of HTTP requests made."""
        return self._transport.calls

    @property
    def ledger(self) -> Counter[str]:
        """The number of HTTP requests by route, such as "GET /contacts/{contact}"."""
        return self._transport.ledger

    @property
    def throttle(self) -> Throttle | None:
        """What each call waits for."""
        return self._transport.throttle

    @property
    def latency(self) -> float:
        """Seconds that a call takes of late, without the wait for the throttle; 0 before any."""
        return self._transport.latency

    @property
    def session(self) -> requests.Session:
        """The pooled session, for adapters."""
        return self._transport.session

    def close(self) -> None:
        """Close the pooled connections."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self._base_url}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Client holds an API key and is not pickled")
