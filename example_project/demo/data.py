"""The made-up team of the demo: its definitions, and people with awkward names."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Person:
    """One row of contacts.csv; segments and topics by name, properties in their types."""

    email: str
    first_name: str
    last_name: str
    unsubscribed: bool
    segments: tuple[str, ...]
    topics: dict[str, str]
    properties: dict[str, str | int | float]


def read_definitions() -> dict[str, list[Any]]:
    """Bodies of Resend's create calls; for segments, names."""
    definitions: dict[str, list[Any]] = json.loads(
        (FOLDER / "definitions.json").read_text(encoding="utf-8")
    )
    return definitions


def read_people() -> list[Person]:
    types = {row["key"]: row["type"] for row in read_definitions()["properties"]}
    with (FOLDER / "contacts.csv").open(encoding="utf-8", newline="") as file:
        return [_person(row, types) for row in csv.DictReader(file)]


def _person(row: dict[str, str], types: dict[str, str]) -> Person:
    return Person(
        email=row["email"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        unsubscribed=row["unsubscribed"] == "yes",
        segments=_names(row["segments"]),
        topics={
            **dict.fromkeys(_names(row["opted_in"]), "opt_in"),
            **dict.fromkeys(_names(row["opted_out"]), "opt_out"),
        },
        properties={key: _value(row[key], kind) for key, kind in types.items() if row[key]},
    )


def _names(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split(";")))


def _value(cell: str, kind: str) -> str | int | float:
    if kind == "string":
        return cell
    return float(cell) if "." in cell else int(cell)
