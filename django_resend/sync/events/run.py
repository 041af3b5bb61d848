"""Apply the stored events: in the order of their happening, many in few statements."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import DataError, IntegrityError, OperationalError

from ...client import Client, errors
from ...conf import resend_settings
from ..calls import open_client
from ..errors import NotConfigured, QuotaPaused
from ..locks import giving_way
from . import choices, contacts, suppressions, topics
from .claims import (
    Claim,
    LeaseLost,
    Stale,
    State,
    claim,
    done,
    due,
    fail,
    next_attempt,
    postpone,
    release,
    renew,
    retry,
)

logger = logging.getLogger("django_resend.sync")

CLAIMED_AT_ONCE = 200

PATIENCE = 3
"""After so many faults of Resend's in a row it is taken to be down, and the run ends."""


Ask = Callable[[Client, Sequence[Claim]], None]


@dataclass(frozen=True)
class Lane:
    """What is done with events of some types.

    ``apply`` does what needs no call, and returns the rest by subject. ``ask`` settles one such
    group by asking Resend; without it there is no rest.
    """

    apply: Callable[[Sequence[Claim]], list[Sequence[Claim]]]
    ask: Ask | None = None


TOPICS = Lane(topics.apply, topics.ask)
CONTACTS = Lane(contacts.apply, contacts.ask)
CHOICES = Lane(choices.apply, choices.ask)
SUPPRESSIONS = Lane(suppressions.apply)

LANES: Mapping[str, Lane] = {
    "topic.created": TOPICS,
    "topic.updated": TOPICS,
    "topic.deleted": TOPICS,
    "contact.created": CONTACTS,
    "contact.updated": CONTACTS,
    "contact.deleted": CONTACTS,
    "contact.topics.updated": CHOICES,
    "suppression.added": SUPPRESSIONS,
    "suppression.removed": SUPPRESSIONS,
}
"""The types that are applied; those come first that others build on."""

NEEDED_TYPES = tuple(LANES)


@dataclass
class EventsReport:
    """What became of the events. ``more`` says that due ones are left, ``next_at`` when the first
    of those that wait for another try is due."""

    applied: int = 0
    ignored: int = 0
    retried: int = 0
    failed: int = 0
    more: bool = False
    next_at: datetime | None = None
    calls: int = 0
    calls_by_route: dict[str, int] = field(default_factory=dict)


def apply_events(seconds: float | None = None, client: Client | None = None) -> EventsReport:
    """Apply the events that are due, for at most so many seconds.

    Most need no call; a doubt costs one. Raises ``NotConfigured`` where a call is needed and can't
    be made, and the client's errors where none can succeed; those events wait as before.
    """
    run = _Run(client, None if seconds is None else time.monotonic() + seconds)
    try:
        with giving_way():
            run.drain()
    finally:
        run.close()
    run.report.more = due().exists() and not run.is_resend_down
    run.report.next_at = next_attempt()
    return run.report


class _Run:
    def __init__(self, client: Client | None, deadline: float | None) -> None:
        self.report = EventsReport()
        self._client, self._is_own = client, client is None
        self._deadline = deadline
        self._faults = 0

    @property
    def is_resend_down(self) -> bool:
        return self._faults >= PATIENCE

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = open_client()
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self.report.calls = self._client.calls
            self.report.calls_by_route = dict(self._client.ledger)
            if self._is_own:
                self._client.close()

    def drain(self) -> None:
        while claims := claim(CLAIMED_AT_ONCE):
            try:
                self._settle(claims)
            finally:
                release(claims)
                self._count(claims)
            if self.is_resend_down or self._is_late():
                return

    def _count(self, claims: Sequence[Claim]) -> None:
        found = Counter(one.outcome for one in claims)
        self.report.applied += found["applied"]
        self.report.ignored += found["ignored"]
        self.report.retried += found["retried"]
        self.report.failed += found["failed"]

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _settle(self, claims: Sequence[Claim]) -> None:
        if unwanted := [one for one in claims if not _is_wanted(one)]:
            done(unwanted, State.IGNORED)
        doubtful: list[tuple[Ask, Sequence[Claim]]] = []
        for lane in (TOPICS, CONTACTS, CHOICES, SUPPRESSIONS):
            mine = [one for one in claims if _is_wanted(one) and LANES[one.event.type] is lane]
            left = self._apply(lane, mine) if mine else []
            if lane.ask is not None:
                doubtful += [(lane.ask, group) for group in left]
        for ask, group in doubtful:
            if self.is_resend_down or self._is_late():
                return
            if self._guarded(partial(self._ask, ask, group), group):
                self._faults = 0

    def _apply(self, lane: Lane, claims: Sequence[Claim]) -> list[Sequence[Claim]]:
        """Apply them together; where that fails in halves, down to the one that is to blame."""
        left: list[Sequence[Claim]] = []

        def work() -> None:
            left.extend(lane.apply(claims))

        if len(claims) == 1:
            self._guarded(work, claims)
        else:
            try:
                work()
            except Exception:
                middle = len(claims) // 2
                return [
                    group
                    for half in (claims[:middle], claims[middle:])
                    for group in self._apply(lane, half)
                ]
        return left

    def _ask(self, ask: Ask, claims: Sequence[Claim]) -> None:
        client = self.client
        renew(claims)
        ask(client, claims)

    def _guarded(self, work: Callable[[], Any], claims: Sequence[Claim]) -> bool:
        """Do it; what goes wrong is written to the events and stops only them. False if it did."""
        try:
            work()
        except LeaseLost:
            pass
        except (Stale, ObjectDoesNotExist, IntegrityError, OperationalError):
            retry(claims, Stale())
        except NotConfigured:
            raise
        except QuotaPaused as reason:
            postpone(claims, reason.until, reason)
        except (ValueError, TypeError, DataError, errors.Refused) as reason:
            fail(claims, reason)
        except errors.ResendError as error:
            if error.verdict == "stop" or isinstance(error, errors.Unreachable):
                raise
            self._faults += not isinstance(error, errors.NotFound)
            retry(claims, error)
        except Exception as error:
            logger.exception("%s can't be applied now.", claims[0].event)
            retry(claims, error)
        else:
            return True
        return False


def _is_wanted(claim: Claim) -> bool:
    return claim.event.type in LANES and resend_settings.may_pull
