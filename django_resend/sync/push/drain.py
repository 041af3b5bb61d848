"""The outbox, entry by entry: contacts beside each other where that pays, the rest in order."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, OperationalError
from django.db.models import QuerySet

from ...client import Client, errors
from ...models import Kind, OutboxEntry
from ..crew import Crew
from ..runs import Run
from .claims import Claim, NotYet, claim, release_all
from .contacts import push_contact
from .definitions import push_definition
from .deletions import push_deletion

logger = logging.getLogger("django_resend.sync")

CLAIMED_AT_ONCE = 20

AHEAD = 2
"""Entries given to each thread of a crew, so that none waits for the next claim."""

PATIENCE = 5
"""After so many transient faults in a row Resend is taken to be down, and the run ends."""


class Drain:
    """Pushes what is due until nothing is left, the time is over, or Resend is down.

    ``deadline`` is on the monotonic clock, in seconds; ``told`` hears the outcome of each entry.
    Raises the client's errors that stop a run; entries under way are finished first, and what was
    claimed is given back.
    """

    def __init__(
        self,
        client: Client,
        run: Run,
        only: QuerySet[OutboxEntry] | None,
        deadline: float | None,
        told: Callable[[str], None],
    ) -> None:
        self._client = client
        self._run = run
        self._only = only
        self._deadline = deadline
        self._told = told
        self._faults = 0
        self._has_claimed = False
        self._waiting: deque[Claim] = deque()
        self._under_way: dict[Future[str], Claim] = {}

    def drain(self) -> bool:
        """Whether all of it had its turn."""
        try:
            with Crew(self._client) as crew:
                while self._begin_what_may(crew):
                    for future in wait(self._under_way, return_when=FIRST_COMPLETED).done:
                        self._take(future)
                    if self._is_over():
                        return False
            return True
        finally:
            self._give_back()

    def _begin_what_may(self, crew: Crew) -> bool:
        """Whether any entry is under way."""
        at_once = 1 if crew.size == 1 else crew.size * AHEAD
        while len(self._under_way) < at_once and self._claim_more():
            nearest = self._waiting[0]
            if any(not _go_together(other, nearest) for other in self._under_way.values()):
                break
            push = partial(push_one, self._client, self._waiting.popleft())
            self._under_way[crew.submit(push)] = nearest
        return bool(self._under_way)

    def _claim_more(self) -> bool:
        """Whether any entry waits to be begun."""
        if not self._waiting:
            if self._has_claimed:
                self._run.checkpoint("pushing", {})
            self._waiting.extend(claim(CLAIMED_AT_ONCE, self._run.pk, self._only))
            self._has_claimed = True
        return bool(self._waiting)

    def _take(self, future: Future[str]) -> None:
        outcome = future.result()
        del self._under_way[future]
        self._faults = self._faults + 1 if outcome == "faulty" else 0
        self._told(outcome)

    def _is_over(self) -> bool:
        late = self._deadline is not None and time.monotonic() > self._deadline
        return late or self._faults >= PATIENCE

    def _give_back(self) -> None:
        """After the crew has ended: count what it finished, and release the rest."""
        for future, claimed in self._under_way.items():
            if future.done() and future.exception() is None:
                self._told(future.result())
            else:
                self._waiting.append(claimed)
        release_all(self._waiting)


def _go_together(one: Claim, other: Claim) -> bool:
    """Contacts do; definitions, contacts and deletions wait for each other."""
    both = one.entry, other.entry
    is_contact = all(entry.kind == Kind.CONTACT for entry in both)
    return is_contact and one.entry.is_deletion == other.entry.is_deletion


def push_one(client: Client, claimed: Claim) -> str:
    """Push one entry and give it back: done, again, waiting, refused or faulty."""
    try:
        if claimed.entry.is_deletion:
            push_deletion(client, claimed)
        elif claimed.entry.kind == Kind.CONTACT:
            push_contact(client, claimed)
        else:
            push_definition(client, claimed)
    except NotYet as reason:
        claimed.retry(reason)
        return "waiting"
    except (ObjectDoesNotExist, IntegrityError, OperationalError):
        # Deleted here, or held by a save, while it was pushed: what is left is worked out anew.
        claimed.retry(NotYet("It was being changed here at the same time."))
        return "waiting"
    except errors.Unreachable:
        raise
    except errors.ResendError as error:
        if error.verdict == "stop":
            raise
        logger.warning("%s %s: %s", claimed.entry.kind, claimed.object_id, error)
        if error.verdict == "fix":
            claimed.refuse(error)
            return "refused"
        claimed.retry(error)
        return "faulty"
    return "done" if claimed.done() else "again"
