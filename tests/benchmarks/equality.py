"""Whether both sides are equal at the end of a run: a fast wrong sync is worth nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tests import oracle

from .fakes import Fake
from .plain.models import Contact, Property, Segment, Topic

if TYPE_CHECKING:
    from django_resend.testing import FakeResend


def differences(fake: Fake, contender: str, *, deep: bool) -> list[str]:
    """Each difference between the contender's tables and the fake's state; none when equal."""
    if contender == "ours":
        # All the oracle asks of a fake is its state.
        return oracle.differences(cast("FakeResend", fake), deep=deep)
    here, there = _local(deep), _remote(fake.state(), deep)
    return [
        f"{key}: here {here.get(key)}, at Resend {there.get(key)}"
        for key in sorted(here.keys() | there.keys())
        if here.get(key) != there.get(key)
    ]


def _local(deep: bool) -> dict[str, Any]:
    found: dict[str, Any] = {str(row.remote_id): row.name for row in Segment.objects.all()}
    defaults = {row.remote_id: row.default_subscription for row in Topic.objects.all()}
    found |= {row.remote_id: (row.name, row.default_subscription) for row in Topic.objects.all()}
    found |= {row.remote_id: (row.key, row.type) for row in Property.objects.all()}
    for contact in Contact.objects.prefetch_related("segments", "choices__topic"):
        choices = {row.topic.remote_id: row.subscription for row in contact.choices.all()}
        found[str(contact.remote_id)] = [
            contact.email,
            contact.first_name,
            contact.last_name,
            contact.unsubscribed,
            sorted(segment.remote_id for segment in contact.segments.all()),
            *([contact.properties, {**defaults, **choices}] if deep else []),
        ]
    return found


def _remote(state: dict[str, Any], deep: bool) -> dict[str, Any]:
    found: dict[str, Any] = {row["id"]: row["name"] for row in state["segments"]}
    defaults = {row["id"]: row["default_subscription"] for row in state["topics"]}
    found |= {row["id"]: (row["name"], row["default_subscription"]) for row in state["topics"]}
    found |= {row["id"]: (row["key"], row["type"]) for row in state["contact_properties"]}
    for row in state["contacts"]:
        found[row["id"]] = [
            row["email"],
            row["first_name"] or "",
            row["last_name"] or "",
            row["unsubscribed"],
            sorted(row["segments"]),
            *([row["properties"], {**defaults, **row["topics"]}] if deep else []),
        ]
    return found
