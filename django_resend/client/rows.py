"""Resend's objects as typed rows, read tolerantly: only an absent identity is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
"""The answer did not hold this key (or nothing legible): it says nothing, unlike None, a null."""

Text = str | None | Missing
Flag = bool | None | Missing


class Unreadable(ValueError):
    """A row without its identity."""


def moment(value: object) -> datetime | None:
    """Read a timestamp in either of Resend's spellings; None when it is absent or impossible."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        aware = read if read.tzinfo else read.replace(tzinfo=UTC)
        aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return aware


def _identity(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"a row without {key}")
    return value


def _text(raw: Mapping[str, Any], key: str) -> Text:
    value = raw.get(key, MISSING)
    return value if value is None or isinstance(value, str) else MISSING


def _flag(raw: Mapping[str, Any], key: str) -> Flag:
    value = raw.get(key, MISSING)
    return value if value is None or isinstance(value, bool) else MISSING


def _values(raw: Mapping[str, Any]) -> dict[str, Any] | Missing:
    properties = raw.get("properties")
    if not isinstance(properties, dict):
        return MISSING
    return {
        key: told["value"] if isinstance(told, dict) and "value" in told else told
        for key, told in properties.items()
    }


def _counts(raw: Mapping[str, Any]) -> dict[str, int] | Missing:
    counts = raw.get("counts")
    if not isinstance(counts, dict):
        return MISSING
    return {key: count for key, count in counts.items() if type(count) is int}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row has; `raw` is the JSON object as it came."""

    id: str
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow(Row):
    """A contact; `properties` maps key to bare value, and is MISSING in lists."""

    email: str
    first_name: Text = MISSING
    last_name: Text = MISSING
    unsubscribed: Flag = MISSING
    created_at: datetime | None = None
    properties: dict[str, Any] | Missing = MISSING

    @property
    def is_whole(self) -> bool:
        """Whether it tells all that a list is known to tell."""
        return MISSING not in (self.first_name, self.last_name, self.unsubscribed)

    @classmethod
    def read(cls, raw: dict[str, Any]) -> ContactRow:
        """Read one JSON object; raises Unreadable without id or email."""
        return cls(
            id=_identity(raw, "id"),
            email=_identity(raw, "email"),
            first_name=_text(raw, "first_name"),
            last_name=_text(raw, "last_name"),
            unsubscribed=_flag(raw, "unsubscribed"),
            created_at=moment(raw.get("created_at")),
            properties=_values(raw),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow(Row):
    """A segment."""

    name: Text = MISSING
    created_at: datetime | None = None

    @classmethod
    def read(cls, raw: dict[str, Any]) -> SegmentRow:
        """Read one JSON object; raises Unreadable without id."""
        return cls(
            id=_identity(raw, "id"),
            name=_text(raw, "name"),
            created_at=moment(raw.get("created_at")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicRow(Row):
    """A topic; `default_subscription` is "opt_in" or "opt_out"."""

    name: Text = MISSING
    description: Text = MISSING
    default_subscription: Text = MISSING
    visibility: Text = MISSING
    created_at: datetime | None = None

    @classmethod
    def read(cls, raw: dict[str, Any]) -> TopicRow:
        """Read one JSON object; raises Unreadable without id."""
        return cls(
            id=_identity(raw, "id"),
            name=_text(raw, "name"),
            description=_text(raw, "description"),
            default_subscription=_text(raw, "default_subscription"),
            visibility=_text(raw, "visibility"),
            created_at=moment(raw.get("created_at")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRow(Row):
    """One contact's subscription to the topic `id`: "opt_in" or "opt_out"."""

    name: Text = MISSING
    description: Text = MISSING
    subscription: Text = MISSING

    @classmethod
    def read(cls, raw: dict[str, Any]) -> SubscriptionRow:
        """Read one JSON object; raises Unreadable without id."""
        return cls(
            id=_identity(raw, "id"),
            name=_text(raw, "name"),
            description=_text(raw, "description"),
            subscription=_text(raw, "subscription"),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyRow(Row):
    """The definition of a contact property; an unknown `type` is kept as text."""

    key: Text = MISSING
    type: Text = MISSING
    fallback_value: str | int | float | bool | Missing | None = MISSING
    created_at: datetime | None = None

    @classmethod
    def read(cls, raw: dict[str, Any]) -> PropertyRow:
        """Read one JSON object; raises Unreadable without id."""
        fallback = raw.get("fallback_value", MISSING)
        legible = fallback is None or isinstance(fallback, str | int | float)
        return cls(
            id=_identity(raw, "id"),
            key=_text(raw, "key"),
            type=_text(raw, "type"),
            fallback_value=fallback if legible else MISSING,
            created_at=moment(raw.get("created_at")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow(Row):
    """An import of contacts; `counts` may be MISSING or zero until it finished."""

    status: Text = MISSING
    created_at: datetime | None = None
    completed_at: datetime | None = None
    counts: dict[str, int] | Missing = MISSING

    @classmethod
    def read(cls, raw: dict[str, Any]) -> ImportRow:
        """Read one JSON object; raises Unreadable without id."""
        return cls(
            id=_identity(raw, "id"),
            status=_text(raw, "status"),
            created_at=moment(raw.get("created_at")),
            completed_at=moment(raw.get("completed_at")),
            counts=_counts(raw),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow(Row):
    """A webhook endpoint; only a creation is sure to tell `signing_secret`."""

    endpoint: Text = MISSING
    events: list[str] | Missing = MISSING
    status: Text = MISSING
    created_at: datetime | None = None
    signing_secret: Text = field(default=MISSING, repr=False)

    @classmethod
    def read(cls, raw: dict[str, Any]) -> WebhookRow:
        """Read one JSON object; raises Unreadable without id."""
        events = raw.get("events")
        return cls(
            id=_identity(raw, "id"),
            endpoint=_text(raw, "endpoint"),
            events=[str(event) for event in events] if isinstance(events, list) else MISSING,
            status=_text(raw, "status"),
            created_at=moment(raw.get("created_at")),
            signing_secret=_text(raw, "signing_secret"),
            raw=raw,
        )
