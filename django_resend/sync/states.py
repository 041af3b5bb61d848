"""Rows, models and bases as the plain states that a merge compares."""

from __future__ import annotations

from typing import Any

from ..client import MISSING
from ..client.rows import ContactRow, PropertyRow, SegmentRow, TopicRow
from ..conf import resend_settings
from ..models import Contact
from .merge import Policy

CONTACT_FIELDS = ("email", "first_name", "last_name", "unsubscribed", "properties")


def policy() -> Policy:
    return Policy(resend_settings.conflicts, resend_settings.remote_opt_in == "follow")


def local_contact(contact: Contact) -> dict[str, Any]:
    return {name: getattr(contact, name) for name in CONTACT_FIELDS}


def remote_contact(row: ContactRow) -> dict[str, Any]:
    """What the row tells, and nothing else; an unset name is the empty text."""
    told: dict[str, Any] = {"email": row.email}
    for name in ("first_name", "last_name"):
        value = getattr(row, name)
        if value is not MISSING:
            told[name] = value or ""
    if isinstance(row.unsubscribed, bool):
        told["unsubscribed"] = row.unsubscribed
    if row.properties is not MISSING:
        told["properties"] = {k: v for k, v in row.properties.items() if v is not None}
    return told


def remote_segment(row: SegmentRow) -> dict[str, Any]:
    return _told(name=row.name)


def remote_topic(row: TopicRow) -> dict[str, Any]:
    return _told(
        name=row.name,
        description=row.description if row.description is not None else "",
        default_subscription=row.default_subscription,
        visibility=row.visibility,
    )


def remote_property(row: PropertyRow) -> dict[str, Any]:
    told = _told(key=row.key, type=row.type)
    if row.fallback_value is not MISSING:
        told["fallback_value"] = row.fallback_value
    return told


def _told(**values: Any) -> dict[str, Any]:
    return {
        name: value for name, value in values.items() if value is not MISSING and value is not None
    }
