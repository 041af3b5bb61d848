"""One site and one team, joined without a socket, watched for what must never be sent."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from django.test import Client as Browser

from django_resend.client import Client, Reply
from django_resend.models import email_key
from django_resend.sync.limiter import forbid_open_transaction
from django_resend.testing import FakeResend
from django_resend.testing.adapter import FakeAdapter
from django_resend.testing.multipart import form_parts

from .wishes import Wishes

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
        self._wishes = world.wishes

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        self._look(request)
        return super().send(request, *args, **kwargs)

    def _look(self, request: requests.PreparedRequest) -> None:
        parts = [unquote(part) for part in str(urlsplit(request.url or "").path).split("/")[1:]]
        if request.method == "POST" and parts == ["contacts", "imports"]:
            self._import(request)
            return
        body = json.loads(request.body or b"null")
        if request.method == "POST" and parts == ["contacts"]:
            address = email_key(body["email"])
            self._world.created(address)
            person = self._world.remote(address)
            if person and person["unsubscribed"] and not body["unsubscribed"]:
                self._world.broken.append(f"POST resubscribes {address}")
            for choice in body.get("topics") or ():
                self._topic(address, person, choice)
        if request.method == "PATCH" and parts[0] == "contacts":
            person = self._world.remote(parts[1])
            if person is not None and len(parts) == 2:
                self._global(person, body)
            elif person is not None:
                self._topics(person, body)

    def _import(self, request: requests.PreparedRequest) -> None:
        # A stream is read once: the fake gets what was read of it here.
        body = request.body = b"".join(request.body or ())  # type: ignore[arg-type]
        fields = form_parts(request.headers["content-type"], body)
        topics = json.loads(fields.get("topics", b"[]"))
        rows = list(csv.DictReader(io.StringIO(fields["file"].decode(), newline="")))
        skips = fields["on_conflict"] == b"skip"
        for row in rows:
            address = email_key(row["email"])
            if skips:
                self._world.created(address)
            if row.get("unsubscribed", "true") != "true" and not (
                skips and not row["unsubscribed"]
            ):
                self._world.broken.append(f"import may resubscribe {address}")
            for topic in topics:
                pair = (address, topic["id"])
                if topic["subscription"] == "opt_in" and (skips or pair in self._wishes.out):
                    self._world.broken.append(f"import opts {pair} in")
                self._unasked(address, topic)
        if len({email_key(row["email"]) for row in rows}) != len(rows):
            self._world.broken.append("import has an address twice")

    def _global(self, person: dict[str, Any], body: dict[str, Any]) -> None:
        loosens = person["unsubscribed"] and body.get("unsubscribed") is False
        if loosens and email_key(person["email"]) not in self._wishes.may_opt_in:
            self._world.broken.append(f"PATCH resubscribes {person['email']}")

    def _topics(self, person: dict[str, Any], body: list[dict[str, str]]) -> None:
        for choice in body:
            self._topic(email_key(person["email"]), person, choice)

    def _topic(self, address: str, person: dict[str, Any] | None, choice: dict[str, str]) -> None:
        pair = (address, choice["id"])
        opted_out = person is not None and person["topics"].get(choice["id"]) == "opt_out"
        loosens = opted_out and choice["subscription"] == "opt_in"
        if loosens and pair not in self._wishes.may_opt_in:
            self._world.broken.append(f"a call opts {pair} in")
        self._unasked(address, choice)

    def _unasked(self, address: str, choice: dict[str, str]) -> None:
        pair = (address, choice["id"])
        by_default = self._wishes.topics[choice["id"]] == "opt_in"
        if choice["subscription"] == "opt_in" and not by_default and pair not in self._wishes.asked:
            self._world.broken.append(f"a call opts {pair} in, who never asked for it")


class World:
    """The team, the client to it, and what its people want.

    ``lies``: Resend carries out what it says it refuses; then nobody can know whom it has.
    ``left_just_now``: addresses given up here since the engine's work began: a call that was
    about to be made can't know it.
    """

    def __init__(self) -> None:
        self.fake = FakeResend()
        self.wishes = Wishes(self.fake)
        self.interruptions = Interruptions()
        self.client = Client("re_test", base_url=BASE_URL, throttle=self.interruptions)
        self.client.session.mount(BASE_URL, WatchingAdapter(self))
        self.broken: list[str] = []
        self.lies = False
        self.left_just_now: set[str] = set()

    def remote(self, contact: str) -> dict[str, Any] | None:
        """The fake's contact by id or address."""
        for row in self.fake.state()["contacts"]:
            if contact == row["id"] or email_key(contact) == email_key(row["email"]):
                return dict(row)
        return None

    def deliver(
        self, order: random.Random, *, late: float = 0, lost: float = 0, twice: float = 0
    ) -> None:
        """POST what webhooks are pending, shuffled; some later, never, or twice."""
        waiting = [one for one in self.fake.webhooks.pending() if order.random() >= late]
        waiting += [one for one in waiting if order.random() < twice]
        order.shuffle(waiting)
        for delivery in waiting:
            if order.random() < lost:
                delivery.status = "lost"
                continue
            headers = delivery.signed(self.fake.clock.micros())
            answer = Browser().post(
                "/resend/webhook/",
                delivery.body,
                content_type=headers.pop("content-type"),
                headers=headers,
            )
            self.fake.webhooks.record(delivery, answer.status_code)

    def created(self, address: str) -> None:
        if address not in self.wishes.wanted | self.left_just_now:
            self.broken.append(f"POST creates {address}, which nobody here asked for")

    def close(self) -> None:
        self.client.close()
        self.fake.close()
