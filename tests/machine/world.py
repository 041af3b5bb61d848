"""One site and one team, joined without a socket, watched for what must never be sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from django_resend.client import Client, Reply
from django_resend.models import email_key
from django_resend.sync.limiter import forbid_open_transaction
from django_resend.testing import FakeResend
from django_resend.testing.adapter import FakeAdapter

BASE_URL = "https://resend.invalid"


class Killed(BaseException):
    """The worker dies here."""


class Interruptions:
    """What happens between two calls: the world moves on, or the worker is killed."""

    def __init__(self) -> None:
        self._at: dict[int, Callable[[], None]] = {}
        self._calls = 0

    def plan(self, at: dict[int, Callable[[], None]]) -> None:
        self._at, self._calls = dict(at), 0

    def wait(self) -> None:
        forbid_open_transaction("default")
        action = self._at.pop(self._calls, None)
        self._calls += 1
        if action is not None:
            action()

    def learn(self, reply: Reply) -> None:
        pass


class WatchingAdapter(FakeAdapter):
    """Passes calls on to the fake, and notes each that breaks a promise."""

    def __init__(self, world: World) -> None:
        super().__init__(world.fake.handle)
        self._world = world

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        self._look(request)
        return super().send(request, *args, **kwargs)

    def _look(self, request: requests.PreparedRequest) -> None:
        parts = [unquote(part) for part in str(urlsplit(request.url or "").path).split("/")[1:]]
        body = json.loads(request.body or b"null")
        if request.method == "POST" and parts == ["contacts"]:
            address = email_key(body["email"])
            self._world.created(address)
            person = self._world.remote(address)
            if person and person["unsubscribed"] and not body["unsubscribed"]:
                self._world.broken.append(f"POST resubscribes {address}")
        if request.method == "PATCH" and parts[0] == "contacts":
            person = self._world.remote(parts[1])
            if person is not None and len(parts) == 2:
                self._global(person, body)
            elif person is not None:
                self._topics(person, body)

    def _global(self, person: dict[str, Any], body: dict[str, Any]) -> None:
        loosens = person["unsubscribed"] and body.get("unsubscribed") is False
        if loosens and email_key(person["email"]) not in self._world.may_opt_in:
            self._world.broken.append(f"PATCH resubscribes {person['email']}")

    def _topics(self, person: dict[str, Any], body: list[dict[str, str]]) -> None:
        for choice in body:
            loosens = (
                person["topics"].get(choice["id"]) == "opt_out"
                and choice["subscription"] == "opt_in"
            )
            pair = (email_key(person["email"]), choice["id"])
            if loosens and pair not in self._world.may_opt_in:
                self._world.broken.append(f"PATCH opts {pair} in")


class World:
    """The team, the client to it, and what its people want.

    ``out``: addresses (or pairs of address and topic) whose opt-out must hold.
    ``may_opt_in``: those for whom the explicit call was made. ``wanted``: addresses that the site
    itself asked to exist at Resend.
    """

    def __init__(self) -> None:
        self.fake = FakeResend()
        self.interruptions = Interruptions()
        self.client = Client("re_test", base_url=BASE_URL, throttle=self.interruptions)
        self.client.session.mount(BASE_URL, WatchingAdapter(self))
        self.broken: list[str] = []
        self.out: set[Any] = set()
        self.may_opt_in: set[Any] = set()
        self.wanted: set[str] = set()

    def remote(self, contact: str) -> dict[str, Any] | None:
        """The fake's contact by id or address."""
        for row in self.fake.state()["contacts"]:
            if contact == row["id"] or email_key(contact) == email_key(row["email"]):
                return dict(row)
        return None

    def created(self, address: str) -> None:
        if address not in self.wanted:
            self.broken.append(f"POST creates {address}, which nobody here asked for")

    def close(self) -> None:
        self.client.close()
        self.fake.close()
