"""A fake that remembers what API calls did to people: consent loosened, contacts overwritten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from django_resend.models import ConsentRecord
from django_resend.testing import FakeResend
from django_resend.testing.replies import Reply

WRITES = frozenset({"POST", "PATCH", "DELETE"})


class Consent(NamedTuple):
    """A remote contact's consent at one moment."""

    unsubscribed: bool
    topic_opt_outs: frozenset[str]


class Loosening(NamedTuple):
    """An API call opted this address in; ``topic`` is Resend's id, empty for the global one."""

    email: str
    topic: str


class Witness(FakeResend):
    """``before_call`` is called with method and path, before anything happens.

    ``loosened``: what API calls opted in again. ``overwritten``: addresses that were POSTed while
    they existed, which resets them. ``writes``: calls that may change something, in order.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.loosened: list[Loosening] = []
        self.overwritten: list[str] = []
        self.writes: list[tuple[str, str]] = []
        self.before_call: Callable[[str, str], None] = lambda method, path: None

    def handle(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        path = urlsplit(target).path
        if path.startswith("/__fake__"):
            return super().handle(method, target, headers, body)
        self.before_call(method, path)
        with self.lock:
            if method not in WRITES:
                return super().handle(method, target, headers, body)
            self.writes.append((method, path))
            before = self._consents(path)
            reply = super().handle(method, target, headers, body)
            after = self._consents(path)
            if (method, path) == ("POST", "/contacts") and reply.status in (200, 201):
                made = after.keys() - before.keys()
                if not made:
                    self.overwritten.append(path)
            for email, consent in after.items():
                was = before.get(email)
                if was is not None:
                    self._compare(email, was, consent)
            return reply

    def _compare(self, email: str, was: Consent, now: Consent) -> None:
        if was.unsubscribed and not now.unsubscribed:
            self.loosened.append(Loosening(email, ""))
        for topic in was.topic_opt_outs - now.topic_opt_outs:
            if self.team.store.topics.get(topic) is None:
                continue  # deleted with all choices for it
            self.loosened.append(Loosening(email, topic))

    def _consents(self, path: str) -> dict[str, Consent]:
        """The consent of the contact a path names, or of all where it names none."""
        named = unquote(path.split("/")[2]) if path.startswith("/contacts/") else ""
        return {
            contact.email.lower(): Consent(
                contact.unsubscribed,
                frozenset(t for t, choice in contact.topics.items() if choice == "opt_out"),
            )
            for contact in self.team.store.contacts
            if named in ("", contact.id, contact.email.lower())
        }

    def unexplained(self) -> list[Loosening]:
        """The loosenings for which no explicit opt-in is on record, each record counted once."""
        allowed = Counter(
            Loosening(record.email.lower(), record.topic_remote_id)
            for record in ConsentRecord.objects.exclude(by="Resend")
        )
        return list((Counter(self.loosened) - allowed).elements())

    def twins(self) -> list[str]:
        """Addresses, and names of definitions, that exist more than once."""
        state = self.state()
        named = Counter(
            [f"contact {row['email'].lower()}" for row in state["contacts"]]
            + [f"segment {row['name']}" for row in state["segments"]]
            + [f"topic {row['name']}" for row in state["topics"]]
            + [f"property {row['key']}" for row in state["contact_properties"]]
        )
        return [name for name, count in named.items() if count > 1]
