"""B3 the other way: imports for what is new, one pooled session for the rest."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ..plain.models import Choice, Contact, Segment, Topic
from ..scenarios import Person
from .script import Membership, call, deep_pull, pages, pull

__all__ = ["create", "deep_pull", "edit", "join", "leave", "pull"]


def create(people: Sequence[Person]) -> None:
    """One import for each set of segments and topics, then the list for the new ids."""
    segments = {row.name: row for row in Segment.objects.all()}
    topics = {row.name: row for row in Topic.objects.all()}
    rows = [
        Contact(
            email=person["email"],
            first_name=person["first_name"],
            unsubscribed=person["unsubscribed"],
            properties=person["properties"],
        )
        for person in people
    ]
    pks = {row.email: row.pk for row in Contact.objects.bulk_create(rows)}
    groups = defaultdict(list)
    for person in people:
        groups[json.dumps([person["segments"], person["topics"]])].append(person)
    Membership.objects.bulk_create(
        Membership(contact_id=pks[p["email"]], segment_id=segments[name].pk)
        for p in people
        for name in p["segments"]
    )
    Choice.objects.bulk_create(
        Choice(contact_id=pks[p["email"]], topic_id=topics[name].pk, subscription=choice)
        for p in people
        for name, choice in p["topics"].items()
    )
    jobs = []
    for key, members in groups.items():
        names, choices = json.loads(key)
        joined = [{"id": segments[name].remote_id} for name in names]
        chosen = [{"id": topics[n].remote_id, "subscription": c} for n, c in choices.items()]
        jobs.append(_start_import(members, joined, chosen))
    while jobs:
        if call("GET", f"/contacts/imports/{jobs[0]}")["status"] == "completed":
            jobs.pop(0)
        else:
            time.sleep(0.2)
    for data in pages("/contacts"):
        linked = [Contact(pk=pks[row["email"]], remote_id=row["id"]) for row in data]
        Contact.objects.bulk_update(linked, ["remote_id"])


def _start_import(people: list[Person], segments: list[Any], topics: list[Any]) -> str:
    keys = sorted({key for person in people for key in person["properties"]})
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["email", "first_name", "unsubscribed", *keys])
    for person in people:
        values = [person["properties"].get(key, "") for key in keys]
        row = [person["email"], person["first_name"], str(person["unsubscribed"]).lower(), *values]
        table.writerow(row)
    columns: dict[str, Any] = {n: n for n in ("email", "first_name", "unsubscribed")}
    columns["properties"] = {key: {"column": key, "type": "string"} for key in keys}
    form = {
        "on_conflict": "upsert",
        "column_map": json.dumps(columns),
        "segments": json.dumps(segments),
        "topics": json.dumps(topics),
    }
    files = {"file": ("contacts.csv", text.getvalue().encode(), "text/csv")}
    return str(call("POST", "/contacts/imports", data=form, files=files)["id"])


def edit(first_names: Mapping[str, str]) -> None:
    for email, first_name in first_names.items():
        contact = Contact.objects.get(email=email)
        call("PATCH", f"/contacts/{contact.remote_id}", json={"first_name": first_name})
        contact.first_name = first_name
        contact.save()


def join(emails: Sequence[str], segment: str) -> None:
    target = Segment.objects.get(name=segment)
    contacts = list(Contact.objects.filter(email__in=emails))
    target.contacts.add(*contacts)
    for contact in contacts:
        call("POST", f"/contacts/{contact.remote_id}/segments/{target.remote_id}")


def leave(emails: Sequence[str], segment: str) -> None:
    target = Segment.objects.get(name=segment)
    contacts = list(Contact.objects.filter(email__in=emails))
    target.contacts.remove(*contacts)
    for contact in contacts:
        call("DELETE", f"/contacts/{contact.remote_id}/segments/{target.remote_id}")
