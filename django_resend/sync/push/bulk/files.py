"""The CSV files of imports: RFC 4180, UTF-8, every contact one line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from .work import PROPERTY

MAX_BYTES = 45_000_000
"""Of one file; Resend's lowest limit is 50 MB (Resend docs: Contacts, Import contacts)."""

Columns = Mapping[str, str]
"""The columns beside the address, each with its type at Resend; empty for a contact's own field."""


def column_map(columns: Columns) -> dict[str, object]:
    """Which column of the file feeds which field."""
    fields: dict[str, object] = {"email": "email"}
    fields.update({name: name for name in columns if not name.startswith(PROPERTY)})
    properties = {
        name.removeprefix(PROPERTY): {"column": title, "type": columns[name]}
        for name, title in zip(columns, _titles(columns), strict=True)
        if name.startswith(PROPERTY)
    }
    return {**fields, "properties": properties} if properties else fields


def write_lines(file: BinaryIO, columns: Columns, rows: Iterable[Mapping[str, Any]]) -> None:
    """A header, and a line for each contact's values, written as they come."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["email", *_titles(columns)])
    writer.writerows(_cells(row, columns) for row in rows)
    text.detach()


def line_bytes(columns: Columns, row: Mapping[str, Any]) -> int:
    """How long the line of these values is."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(_cells(row, columns))
    return len(text.getvalue().encode())


def _titles(columns: Columns) -> list[str]:
    """By number, for keys of properties may differ in letter case alone."""
    return [
        f"property_{number}" if name.startswith(PROPERTY) else name
        for number, name in enumerate(columns)
    ]


def _cells(row: Mapping[str, Any], columns: Columns) -> list[str]:
    properties = row.get("properties", {})
    values = [
        properties.get(name.removeprefix(PROPERTY)) if name.startswith(PROPERTY) else row.get(name)
        for name in columns
    ]
    return [row["email"], *(_cell(value) for value in values)]


def _cell(value: Any) -> str:
    """``False`` is a blank: a cell that says so would opt a person in again."""
    if value is None or value is False:
        return ""
    return "true" if value is True else str(value)
