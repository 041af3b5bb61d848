"""Runs the benchmarks; docs/benchmarks.md says what they measure.

Usage: python -m tests.benchmarks [--scenario S1 ...] [--size 10000] [--repeat 5]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from . import adding, large, receiving, sharing
from .contenders import MODULES
from .databases import Databases, databases
from .runs import Conditions, Outcome, run_once
from .scenarios import SCENARIOS
from .tables import print_routes, print_scenario

EXTRAS = {"adding": adding, "large": large, "receiving": receiving, "sharing": sharing}


def main() -> int:
    options = _parser().parse_args()
    names = options.scenario or list(SCENARIOS)
    results: dict[str, Any] = {}
    with databases(options.database, options.postgres) as own:
        for name in names:
            if name in EXTRAS:
                results[name] = EXTRAS[name].measure(own, options.size, options.repeat)
                if not options.json:
                    EXTRAS[name].print_table(results[name])
                continue
            found = _scenario(own, name, options)
            results[name] = {who: [asdict(one) for one in runs] for who, runs in found.items()}
            if not options.json:
                print_scenario(name, options.size, options.database, found, options.baseline)
                print_routes(found)
    if options.json:
        sys.stdout.write(json.dumps(results) + "\n")
    return 0


def _scenario(own: Databases, name: str, options: argparse.Namespace) -> dict[str, list[Outcome]]:
    """Every contender once, then every contender again: what slows the machine slows all."""
    wanted = [who for who in SCENARIOS[name].contenders if who in options.contender]
    under = Conditions(options.size, options.rate_limit, options.latency_ms)
    found: dict[str, list[Outcome]] = {who: [] for who in wanted}
    for turn in range(options.repeat):
        for who in wanted:
            sys.stderr.write(f"{name} {who} {turn + 1}/{options.repeat}\n")
            found[who].append(run_once(own, name, who, under))
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    known = [*SCENARIOS, *EXTRAS]
    parser.add_argument("--scenario", nargs="+", choices=known, help="default: S1 to S6")
    parser.add_argument("--size", type=int, default=10_000, help="contacts")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument(
        "--postgres",
        default="postgres://postgres@127.0.0.1:5432/postgres",
        metavar="URL",
        help="where databases may be created",
    )
    parser.add_argument("--contender", nargs="+", choices=list(MODULES), default=list(MODULES))
    parser.add_argument("--baseline", choices=list(MODULES), default="B3")
    parser.add_argument(
        "--rate-limit", type=int, default=0, metavar="N", help="the fake's, in calls a second"
    )
    parser.add_argument(
        "--latency-ms", type=int, default=0, metavar="N", help="how long the fake takes to answer"
    )
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
