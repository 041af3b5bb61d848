"""Recorded calls of the real API, from the fixtures of its Node SDK, are answered alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from django_resend.testing import Clock, FakeResend

from .caller import HEADERS

FILE = Path(__file__).parent / "recordings.jsonl"
RECORDINGS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
# Each session was recorded on its own: the file is ordered by fixture, not by time, and an address
# deleted in one session has its old id again in the next.
STARTS = (
    *(0, 8, 10, 12, 13, 26, 33, 35, 37, 39, 41, 43, 44, 46, 48, 50, 52, 53, 56, 58, 60, 63, 66),
    *(68, 70, 72, 74, 77, 80, 82, 84, 86, 88, 90, 91, 94, 96, 99, 101, 102, 105, 107),
    len(RECORDINGS),
)
SESSIONS = list(pairwise(STARTS))
AUDIENCES_UNTIL = "2025-10-17"


def rows_of(response: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = response.get("data", [response])
    return rows


CREATED = {
    row["id"]: row["created_at"]
    for recording in RECORDINGS
    for row in rows_of(recording["response"])
    if "created_at" in row
}
LISTED = {
    row["id"]: row
    for recording in RECORDINGS
    for row in rows_of(recording["response"])
    if "created_at" in row and "email" in row
}


class Replay:
    """A fake that makes the ids and times of the recordings."""

    def __init__(self, recorded: str, rate_limit: int) -> None:
        self.clock = Clock(datetime.fromisoformat(recorded).replace(tzinfo=UTC))
        self.next_id = "none expected"
        kind = "audience" if recorded <= AUDIENCES_UNTIL else "segment"
        self.fake = FakeResend(
            clock=self.clock,
            ids=lambda: self.next_id,
            rate_limit=rate_limit,
            quirks={"object_segment": kind},
        )

    def expect(self, row_id: str) -> None:
        """The next new object gets this id, and the time recorded for it, if any."""
        self.next_id = row_id
        if row_id in CREATED:
            self.clock.set(datetime.fromisoformat(CREATED[row_id]))

    def presuppose(self, recording: dict[str, Any]) -> None:
        """Put there what a reading call shows and no call of its session created."""
        if recording["method"] != "GET" or recording["status"] != 200:
            return
        wanted = [row for row in rows_of(recording["response"]) if "email" in row]
        if recording["response"].get("has_more"):
            wanted += older_than(wanted[-1])
        for row in wanted:
            if row["id"] not in self.fake.team.store.contacts:
                self.expect(row["id"])
                self.fake.dashboard.create_contact(row["email"])
            if recording["path"].startswith("/segments/"):
                segment = recording["path"].split("/")[2]
                self.fake.dashboard.add_to_segment(row["id"], segment)


def older_than(last: dict[str, Any]) -> list[dict[str, Any]]:
    """The contact that a full listing shows next, so that there is more."""
    day = last["created_at"][:10]
    older = [
        row
        for row in LISTED.values()
        if row["created_at"][:10] == day and row["created_at"] < last["created_at"]
    ]
    return older[:1]


@pytest.mark.parametrize(("first", "end"), SESSIONS)
def test_a_recorded_session_is_answered_as_it_was(first: int, end: int) -> None:
    session = RECORDINGS[first:end]
    assert len({recording["recorded"] for recording in session}) == 1
    replay = Replay(session[0]["recorded"], int(session[0]["headers"]["ratelimit-limit"]))
    for recording in session:
        replay.presuppose(recording)
        replay.expect(recording["response"].get("id", "none expected"))
        request = recording["request"]
        body = b"" if request is None else json.dumps(request).encode()
        reply = replay.fake.handle(recording["method"], recording["path"], HEADERS, body)
        assert reply.json() == recording["response"]
        assert reply.status == recording["status"]
        assert set(reply.headers) == set(recording["headers"])
        for name in ("content-type", "ratelimit-limit", "ratelimit-policy", "ratelimit-reset"):
            assert reply.headers[name] == recording["headers"][name]


def test_every_recorded_call_belongs_to_a_session() -> None:
    assert sum(end - first for first, end in SESSIONS) == len(RECORDINGS) == 110
