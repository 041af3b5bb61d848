"""B1: the loop over the SDK that the list's missing fields lead to: three reads per contact."""

from __future__ import annotations

import os
from typing import Any

import resend

from ..plain.models import Choice, Contact, Property, Segment, Topic

resend.api_key = "re_test"
resend.api_url = os.environ["RESEND_BASE_URL"]


def pull() -> None:
    for row in _all(resend.Segments.list):
        Segment.objects.update_or_create(remote_id=row["id"], defaults={"name": row["name"]})
    for row in _all(resend.Topics.list):
        Topic.objects.update_or_create(
            remote_id=row["id"],
            defaults={"name": row["name"], "default_subscription": row["default_subscription"]},
        )
    for row in _all(resend.ContactProperties.list):
        Property.objects.update_or_create(
            remote_id=row["id"], defaults={"key": row["key"], "type": row["type"]}
        )
    seen = [_pull_contact(row["id"]) for row in _all(resend.Contacts.list)]
    Contact.objects.exclude(remote_id__in=seen).delete()


def _pull_contact(id: str) -> str:
    told: Any = resend.Contacts.get(id=id)
    segments: Any = resend.Contacts.Segments.list({"contact_id": id})
    topics: Any = resend.Contacts.Topics.list(contact_id=id)
    contact, _created = Contact.objects.update_or_create(
        remote_id=id,
        defaults={
            "email": told["email"],
            "first_name": told["first_name"] or "",
            "last_name": told["last_name"] or "",
            "unsubscribed": told["unsubscribed"],
            "properties": {key: one["value"] for key, one in told["properties"].items()},
        },
    )
    ids = [row["id"] for row in segments["data"]]
    contact.segments.set(Segment.objects.filter(remote_id__in=ids))
    for row in topics["data"]:
        topic = Topic.objects.get(remote_id=row["id"])
        Choice.objects.update_or_create(
            contact=contact, topic=topic, defaults={"subscription": row["subscription"]}
        )
    return id


def _all(list_page: Any) -> Any:
    """The rows of every page of one of the SDK's lists."""
    params: dict[str, Any] = {"limit": 100}
    while True:
        page = list_page(params=params)
        yield from page["data"]
        if not page["has_more"]:
            return
        params["after"] = page["data"][-1]["id"]
