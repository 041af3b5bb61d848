"""What a Resend team holds. Moments are microseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .index import Key, NewestFirst

PropertyValue = str | int | float | bool


@dataclass(slots=True, eq=False)
class Record:
    """What every object has. `serial` orders objects of one moment."""

    id: str
    created_at: int
    serial: int

    @property
    def key(self) -> Key:
        return (self.created_at, self.serial)


@dataclass(slots=True, eq=False)
class Contact(Record):
    email: str
    first_name: str | None = None
    last_name: str | None = None
    unsubscribed: bool = False
    updated_at: int = 0
    properties: dict[str, PropertyValue] = field(default_factory=dict)
    segments: dict[str, int] = field(default_factory=dict)  # segment id -> moment of joining
    topics: dict[str, str] = field(default_factory=dict)  # topic id -> the explicit choice


@dataclass(slots=True, eq=False)
class Segment(Record):
    name: str
    members: NewestFirst[Contact] = field(default_factory=NewestFirst)


@dataclass(slots=True, eq=False)
class Topic(Record):
    name: str
    default_subscription: str
    description: str | None = None
    visibility: str = "private"
    updated_at: int = 0


@dataclass(slots=True, eq=False)
class Property(Record):
    """A contact property's definition."""

    name: str  # the API's `key`, which is taken here by the place in time
    type: str
    fallback_value: PropertyValue | None = None


@dataclass(slots=True, eq=False)
class Import(Record):
    """An uploaded CSV file and what became of it."""

    rows: list[dict[str, str]]
    columns: dict[str, str]  # contact field -> column
    property_columns: dict[str, tuple[str, str]]  # property key -> (column, type)
    on_conflict: str
    segments: list[str]
    topics: dict[str, str]
    starts_at: int
    completes_at: int
    completed_at: int | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def status(self, now: int) -> str:
        if self.completed_at is not None:
            return "completed"
        return "queued" if now < self.starts_at else "in_progress"


@dataclass(slots=True, eq=False)
class Webhook(Record):
    """A registered endpoint."""

    endpoint: str
    events: list[str]
    signing_secret: str
    status: str = "enabled"


@dataclass(slots=True, eq=False)
class Suppression(Record):
    email: str
    origin: str = "manual"
    source_id: str | None = None


JsonObject = dict[str, Any]
