"""The scenarios: what Resend holds before, what happens to it, what a contender is asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Protocol, TypedDict

from .fakes import Fake

SEGMENTS = 10
TOPICS = 2
PROPERTIES = 2
ADDED = "Added"

SEGMENT_SETS: tuple[list[str], ...] = ([], ["Segment_1"], ["Segment_2"], ["Segment_1", "Segment_2"])
TOPIC_SETS: tuple[dict[str, str], ...] = (
    {},
    {"Topic_1": "opt_out"},
    {"Topic_1": "opt_in", "Topic_2": "opt_out"},
)


class Person(TypedDict):
    """A contact to be created; segments and topics by name."""

    email: str
    first_name: str
    unsubscribed: bool
    properties: dict[str, str]
    segments: list[str]
    topics: dict[str, str]


class Contender(Protocol):
    """One way to keep a mirror. A contender has the verbs of the scenarios it takes part in."""

    def pull(self) -> None: ...

    def deep_pull(self) -> None: ...

    def create(self, people: Sequence[Person]) -> None: ...

    def edit(self, first_names: Mapping[str, str]) -> None: ...

    def join(self, emails: Sequence[str], segment: str) -> None: ...

    def leave(self, emails: Sequence[str], segment: str) -> None: ...


@dataclass(frozen=True)
class Scenario:
    """``verbs``: what a contender must know; ``warm``: it starts from a pulled mirror."""

    title: str
    verbs: tuple[str, ...]
    contenders: tuple[str, ...]
    warm: bool = True
    deep: bool = False


SCENARIOS: Mapping[str, Scenario] = {
    "S1": Scenario("cold pull", ("pull",), ("ours", "B3", "B1"), warm=False),
    "S2": Scenario("warm pull, 1 % changed, 0.5 % deleted", ("pull",), ("ours", "B3", "B1")),
    "S3": Scenario(
        "push of new contacts, 12 segment/topic sets", ("create",), ("ours", "B3", "B0"), deep=True
    ),
    "S4": Scenario("single edits, a tenth of the contacts", ("edit",), ("ours", "B3", "B0")),
    "S5": Scenario(
        "half of the contacts join a segment, then half of those leave",
        ("join", "leave"),
        ("ours", "B3", "B0"),
    ),
    "S6": Scenario("deep pull", ("deep_pull",), ("ours", "B3"), deep=True),
}


def fill(fake: Fake, scenario: str, size: int) -> None:
    """What Resend holds at the start."""
    if scenario == "S3":
        fake.act("seed", contacts=0, segments=2, topics=TOPICS, properties=PROPERTIES)
        return
    fake.act(
        "seed",
        contacts=size,
        segments=SEGMENTS,
        topics=TOPICS,
        properties=PROPERTIES,
        unsubscribed_every=20,
    )
    if scenario == "S5":
        fake.act("create_segment", name=ADDED)


def disturb(fake: Fake, scenario: str, size: int) -> None:
    """What happens at Resend after the mirror was filled."""
    if scenario != "S2":
        return
    changed, deleted = size // 100, size // 200
    step = size // (changed + deleted)
    for turn in range(changed + deleted):
        email = address(1 + turn * step)
        if turn < deleted:
            fake.act("delete_contact", email=email)
        elif turn % 10 < 6:
            fake.act("edit_contact", email=email, first_name="Changed")
        elif turn % 10 < 8:
            fake.act("unsubscribe", email=email)
        else:
            fake.act("add_to_segment", email=email, segment="Segment_1")


def perform(contender: Contender, scenario: str, size: int) -> None:
    """What is measured."""
    if scenario in ("S1", "S2"):
        contender.pull()
    elif scenario == "S3":
        contender.create(newcomers(size))
    elif scenario == "S4":
        contender.edit({address(1 + n * 10): f"Edited {n}" for n in range(size // 10)})
    elif scenario == "S5":
        joining = [address(1 + n * 2) for n in range(size // 2)]
        contender.join(joining, ADDED)
        contender.leave(joining[::2], ADDED)
    elif scenario == "S6":
        contender.deep_pull()


def address(number: int) -> str:
    return f"person{number}@example.org"


def newcomers(size: int) -> list[Person]:
    sets = list(product(SEGMENT_SETS, TOPIC_SETS))
    return [
        {
            "email": address(n),
            "first_name": f"Person {n}",
            "unsubscribed": n % 20 == 0,
            "properties": {"property_1": f"value {n}"},
            "segments": sets[n % len(sets)][0],
            "topics": sets[n % len(sets)][1],
        }
        for n in range(1, size + 1)
    ]


def shallow_pages(size: int) -> int:
    """Pages of contacts and members in the formula below."""
    return _pages(size) + SEGMENTS * _pages(size // SEGMENTS)


def formula(size: int) -> int:
    """Calls of a pull without the deep reads: c(N) + c(S) + c(T) + c(P) + sum of c(n_s)."""
    return shallow_pages(size) + 3


def _pages(rows: int) -> int:
    return max(1, ceil(rows / 100))
