"""The results as tables: medians, spread, and ratios against the named baseline."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from statistics import median

from .runs import Outcome
from .scenarios import SCENARIOS, formula, shallow_pages

RATES = (2, 5, 10, 100)


def print_scenario(
    name: str, size: int, database: str, found: dict[str, list[Outcome]], baseline: str
) -> None:
    say(f"\n{name}: {SCENARIOS[name].title} ({size:,} contacts, {database})")
    if name in ("S1", "S2"):
        say(f"calls by the formula, before deletions: {formula(size):,}")
    say(
        f"{'':6}{'calls':>9}{'429s':>6}  {'seconds (least to most)':<26}{'x ' + baseline:>8}"
        f"{'CPU s':>9}{'x ' + baseline:>8}"
        f"{'queries':>9}{'with B/C':>9}{'rows':>9}{'peak MB':>9}  calls / rate, in seconds at "
        + ", ".join(map(str, RATES))
    )
    base = found.get(baseline)
    if base and any(one.differences for one in base):
        base = None
    for who, runs in found.items():
        wrong = [one.differences for one in runs if one.differences]
        if wrong:
            say(f"{who:6}wrong in {len(wrong)} of {len(runs)} runs: {max(wrong):,} differences")
        else:
            say(_line(who, runs, base))
    if name in ("S1", "S2") and "ours" in found:
        one, pages = found["ours"][0], shallow_pages(size)
        with_brackets = one.statements + 2 * one.transactions
        say(
            f"ours: {one.statements / pages:.2f} queries a page of 100, "
            f"{with_brackets / pages:.2f} with BEGIN and COMMIT"
        )
    for who, runs in found.items():
        written = ", ".join(f"{table} {n:,}" for table, n in runs[0].rows_written.items())
        say(f"rows written by {who}: {written}")


def _line(who: str, runs: Sequence[Outcome], base: Sequence[Outcome] | None) -> str:
    one = runs[0]
    seconds = [run.seconds for run in runs]
    spread = f"{median(seconds):9.2f} ({min(seconds):.2f} to {max(seconds):.2f})"
    cpu = median([run.cpu_seconds for run in runs])
    ratio = f"{median(seconds) / median([r.seconds for r in base]):.2f}" if base else "-"
    cpu_ratio = f"{cpu / median([r.cpu_seconds for r in base]):.2f}" if base else "-"
    virtual = ", ".join(f"{one.calls / rate:,.0f}" for rate in RATES)
    return (
        f"{who:6}{one.calls:>9,}{max(run.rejected for run in runs):>6}  {spread:<26}{ratio:>8}"
        f"{cpu:>9.2f}{cpu_ratio:>8}"
        f"{one.statements:>9,}{one.statements + 2 * one.transactions:>9,}"
        f"{sum(one.rows_written.values()):>9,}"
        f"{median([run.peak_megabytes for run in runs]):>9.0f}  {virtual}"
    )


def print_routes(found: dict[str, list[Outcome]]) -> None:
    for who, runs in found.items():
        routes = ", ".join(f"{route} {n:,}" for route, n in runs[0].calls_by_route.items())
        say(f"calls of {who}: {routes}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
