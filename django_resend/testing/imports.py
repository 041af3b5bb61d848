"""CSV imports: read at once, done later by the clock. Resend docs: Contacts, Create import."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import Any

from .records import Contact, Import, PropertyValue
from .replies import invalid
from .requesting import valid_email
from .team import Team

FIELDS = ("email", "first_name", "last_name", "unsubscribed")
TYPES = ("string", "number", "boolean")
_TRUE, _FALSE = ("true", "1", "yes", "t", "y"), ("false", "0", "no", "f", "n")
_SECOND = 1_000_000


@dataclass
class Columns:
    """Which column feeds which field, and which property (column, type)."""

    fields: dict[str, str]
    properties: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, column_map: Any) -> Columns:
        """From the `column_map` part; without one the columns are named like the fields."""
        if column_map is None:
            return cls({name: name for name in FIELDS})
        if not isinstance(column_map, dict):
            raise invalid("The `column_map` field must be an object.")
        fields = {name: column_map[name] for name in FIELDS if column_map.get(name)}
        if not all(isinstance(column, str) for column in fields.values()):
            raise invalid("The `column_map` field must name columns by strings.")
        fields.setdefault("email", "email")
        return cls(fields, _property_columns(column_map.get("properties") or {}))


def _property_columns(given: Any) -> dict[str, tuple[str, str]]:
    if not isinstance(given, dict):
        raise invalid("The `column_map.properties` field must be an object.")
    columns: dict[str, tuple[str, str]] = {}
    for key, entry in given.items():
        column = entry.get("column") if isinstance(entry, dict) else None
        kind = entry.get("type", "string") if isinstance(entry, dict) else None
        if not isinstance(column, str) or kind not in TYPES:
            raise invalid(f"The property `{key}` needs a column and a type: {', '.join(TYPES)}.")
        columns[key] = (column, kind)
    return columns


def read_rows(content: bytes, columns: Columns) -> list[dict[str, str]]:
    """The file's rows by column name; 422 when it isn't UTF-8 or has no e-mail column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid("The CSV file must be UTF-8.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    try:
        if columns.fields["email"] not in (reader.fieldnames or ()):
            raise invalid('CSV missing required "email" column')
        return [{name: cell for name, cell in row.items() if name is not None} for row in reader]
    except csv.Error as error:
        raise invalid(f"The CSV file cannot be read: {error}.") from None


def accept(
    team: Team,
    rows: list[dict[str, str]],
    columns: Columns,
    on_conflict: str,
    segments: list[str],
    topics: dict[str, str],
) -> Import:
    """Queue an import. It starts after a quarter of its time, so all three states can be seen."""
    duration = round(team.quirks.number("import_seconds") * _SECOND)
    row_id, now, serial = team.origin()
    job = Import(
        row_id,
        now,
        serial,
        rows=rows,
        columns=columns.fields,
        property_columns=columns.properties,
        on_conflict=on_conflict,
        segments=segments,
        topics=topics,
        starts_at=now + duration // 4,
        completes_at=now + duration,
    )
    team.store.imports.add(job)
    team.store.open_imports.append(job)
    return job


def settle(team: Team) -> None:
    """Do the imports whose time has come."""
    if not team.store.open_imports:
        return
    now = team.clock.micros()
    for job in team.store.open_imports:
        if job.completes_at <= now:
            run(team, job)
    team.store.open_imports = [job for job in team.store.open_imports if job.completed_at is None]


def run(team: Team, job: Import) -> None:
    """Apply every row; none fires a webhook. Rows are forgotten afterwards."""
    for key, (_, kind) in job.property_columns.items():
        if key not in team.store.properties_by_key:
            team.define_property(key, kind, None)
    job.counts = dict.fromkeys(("total", "created", "updated", "skipped", "failed"), 0)
    for row in job.rows:
        job.counts["total"] += 1
        job.counts[_apply(team, job, row)] += 1
    job.rows = []
    job.completed_at = team.clock.micros()


def _apply(team: Team, job: Import, row: dict[str, str]) -> str:
    """One row: created, updated, skipped or failed."""
    email = row.get(job.columns["email"], "").strip()
    if not valid_email(email):
        return "failed"
    known = team.store.contact_by_email(email)
    try:
        fields = _fields(team, job, row, known=known is not None)
        properties = _properties(team, job, row, known=known is not None)
    except ValueError:
        return "failed"
    if known is None:
        contact = team.create_contact(email, fields, properties=properties, silent=True)
        _label(team, job, contact)
        return "created"
    if job.on_conflict == "skip":
        if team.quirks.yes("skip_joins"):
            _label(team, job, known)
        return "skipped"
    team.edit_contact(known, fields, properties, silent=True)
    _label(team, job, known)
    return "updated"


def _label(team: Team, job: Import, contact: Contact) -> None:
    """Segments and topics that still exist, for this row as for all."""
    segments = (team.store.segments.get(segment_id) for segment_id in job.segments)
    team.join_segments(contact, [segment for segment in segments if segment is not None])
    topics = {topic: choice for topic, choice in job.topics.items() if topic in team.store.topics}
    team.choose_topics(contact, topics, silent=True)


def _fields(team: Team, job: Import, row: dict[str, str], *, known: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    clear = known and team.quirks["import_blank"] == "clear"
    for name in ("first_name", "last_name"):
        cell = row.get(job.columns.get(name, ""))
        if cell:
            fields[name] = cell
        elif cell == "" and clear:
            fields[name] = None
    cell = row.get(job.columns.get("unsubscribed", ""), "").strip()
    if cell:
        fields["unsubscribed"] = _boolean(cell)
    return fields


def _properties(
    team: Team, job: Import, row: dict[str, str], *, known: bool
) -> dict[str, PropertyValue | None]:
    values: dict[str, PropertyValue | None] = {}
    clear = known and team.quirks["import_blank"] == "clear"
    for key, (column, kind) in job.property_columns.items():
        cell = row.get(column)
        if cell:
            definition = team.store.properties_by_key.get(key)
            if definition is None or definition.type != kind:
                raise ValueError(key)
            values[key] = _coerced(cell, kind)
        elif cell == "" and clear:
            values[key] = None
    return values


def _coerced(cell: str, kind: str) -> PropertyValue:
    if kind == "boolean":
        return _boolean(cell)
    if kind == "string":
        return cell
    text = cell.strip()
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        raise ValueError(cell)
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)


def _boolean(cell: str) -> bool:
    word = cell.strip().lower()
    if word not in _TRUE + _FALSE:
        raise ValueError(cell)
    return word in _TRUE
