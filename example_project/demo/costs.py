"""What the demo did in calls, beside what a loop over the vendor's SDK would have made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

CALLS_A_SECOND = 10
PAGE_ROWS = 100
WIDTHS = (22, 8, 12, 8, 9, 10, 9)

EXPLANATION = (
    f"at {CALLS_A_SECOND}/s: the time at {CALLS_A_SECOND} calls a second, Resend's usual limit.",
    "SDK loop: contact by contact, as plain code over the SDK does it. To read, a",
    "call each for fields, segments and topics; to write, one each for fields and",
    "topics and one a segment.",
)


@dataclass(frozen=True)
class Cost:
    """One phase: what it dealt with, the calls it made and those of the loop."""

    name: str
    objects: int
    memberships: int
    calls: int
    loop_calls: int


def pull_loop(contacts: int, definitions: Sequence[int], *, calls_a_contact: int) -> int:
    """The calls of a loop that lists everything and then reads every contact."""
    return sum(map(_pages, (contacts, *definitions))) + calls_a_contact * contacts


def table(costs: Sequence[Cost]) -> list[str]:
    """The lines of the table, at most 80 columns wide."""
    total = Cost(
        "together",
        sum(cost.objects for cost in costs),
        sum(cost.memberships for cost in costs),
        sum(cost.calls for cost in costs),
        sum(cost.loop_calls for cost in costs),
    )
    price = f"at {CALLS_A_SECOND}/s"
    head = _line("", "objects", "memberships", "calls", price, "SDK loop", price)
    rule = "-" * sum(WIDTHS)
    return [head, rule, *map(_row, costs), rule, _row(total)]


def seconds(calls: int) -> int:
    return ceil(calls / CALLS_A_SECOND)


def _row(cost: Cost) -> str:
    return _line(
        cost.name,
        f"{cost.objects:,}",
        f"{cost.memberships:,}",
        f"{cost.calls:,}",
        f"{seconds(cost.calls):,} s",
        f"{cost.loop_calls:,}",
        f"{seconds(cost.loop_calls):,} s",
    )


def _line(*cells: str) -> str:
    first, *others = zip(cells, WIDTHS, strict=True)
    name, width = first
    return name.ljust(width) + "".join(text.rjust(space) for text, space in others)


def _pages(rows: int) -> int:
    return max(1, ceil(rows / PAGE_ROWS))
