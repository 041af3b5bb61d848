"""Behaviours on which the sources about Resend disagree: each can be had both ways.

The first value is the default, the one with the better source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Quirk:
    """One disputed behaviour. Without `values` any positive number is one."""

    help: str
    values: tuple[str, ...] = ()
    number: str = ""

    @property
    def default(self) -> str:
        return self.values[0] if self.values else self.number

    @property
    def choices(self) -> str:
        return "|".join(self.values) if self.values else f"a number ({self.number})"

    def accepts(self, value: str) -> bool:
        if self.values:
            return value in self.values
        return re.fullmatch(r"\d+(\.\d+)?", value) is not None


class UnknownQuirk(ValueError):
    """The name or the value of a quirk does not exist; the message lists those that do."""


QUIRKS: Mapping[str, Quirk] = {
    "add_segment_reply": Quirk("body of adding to a segment", ("id", "pair")),
    "add_segment_status": Quirk("status of adding to a segment", ("200", "201")),
    "bad_cursor": Quirk(
        "a cursor whose row is gone: error, or the first page", ("error", "ignore")
    ),
    "create_status": Quirk("status of a successful create", ("201", "200")),
    "delete_absent": Quirk("status of deleting an absent contact", ("404", "200")),
    "delete_key": Quirk("key of the id in the reply to deleting a contact", ("contact", "id")),
    "duplicate_post": Quirk("POST /contacts on a known address", ("upsert", "noop")),
    "duplicate_property": Quirk("status of defining a key twice", ("422", "409")),
    "email_case": Quirk("spelling in which an address is kept", ("kept", "lowered")),
    "fallback_in_get": Quirk("unset properties appear with their fallback", ("no", "yes")),
    "has_more": Quirk("lists carry has_more", ("sent", "missing")),
    "import_blank": Quirk("blank cells of names and properties, upsert", ("keep", "clear")),
    "import_seconds": Quirk("seconds until an import is completed", number="8"),
    "import_size_mb": Quirk("largest CSV file, in megabytes", number="50"),
    "imports": Quirk("POST /contacts/imports", ("works", "refused")),
    "list_properties": Quirk("list rows carry properties", ("no", "yes")),
    "list_without_limit": Quirk("the older lists without limit", ("all", "paged")),
    "membership_created_at": Quirk(
        "created_at of a contact's segments: the segment's or the joining's", ("segment", "joined")
    ),
    "missing_reference": Quirk("status when a named segment or topic is unknown", ("404", "422")),
    "names_empty": Quirk("how an empty name is kept", ("null", "empty")),
    "object_segment": Quirk("the object field of segments", ("segment", "audience")),
    "on_conflict_default": Quirk("imports without on_conflict", ("upsert", "skip")),
    "property_shape": Quirk("properties of a contact", ("typed", "bare")),
    "rate_window": Quirk("the limiter's one-second window", ("fixed", "sliding")),
    "recreated_id": Quirk("id of an address created again", ("new", "same")),
    "remove_segment_reply": Quirk(
        "body of removing from a segment", ("segment_id", "contact_id", "pair")
    ),
    "segment_filter": Quirk("?segment_id= on GET /contacts", ("ignored", "works")),
    "segment_rename": Quirk("PATCH /segments/{id}", ("works", "404", "405")),
    "skip_joins": Quirk("on_conflict=skip still adds segments and topics", ("no", "yes")),
    "timestamps": Quirk("spelling of REST timestamps", ("postgres", "iso")),
    "topics_body": Quirk("body of PATCH topics: a bare array, or wrapped too", ("bare", "both")),
    "topics_listing": Quirk("topics without a choice in a contact's topics", ("all", "explicit")),
    "topics_patch": Quirk("PATCH topics: or 200 and unchanged", ("works", "ignored")),
    "topics_patch_reply": Quirk("body of PATCH topics", ("contact_topics", "id")),
    "updated_on_properties": Quirk("contact.updated fires for properties alone", ("no", "yes")),
    "upsert_resets": Quirk("what a repeated POST puts back when omitted", ("fields", "all")),
    "webhook_endpoint": Quirk("endpoints that can be registered", ("https", "any")),
    "webhook_events": Quirk("event types that can be registered", ("all", "old")),
    "webhook_fields": Quirk("optional fields of contact events", ("full", "sparse")),
    "webhook_secret_on_get": Quirk("GET /webhooks/{id} shows the secret", ("yes", "no")),
    "wrong_key": Quirk("error name for an unknown key", ("invalid_api_key", "restricted_api_key")),
}


class Quirks:
    """The chosen side of every quirk.

    `quirks["duplicate_post"]` is always one of the values listed in `QUIRKS`.
    """

    def __init__(self, chosen: Mapping[str, str] | None = None) -> None:
        self._values = {name: quirk.default for name, quirk in QUIRKS.items()}
        for name, value in (chosen or {}).items():
            self[name] = value

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __setitem__(self, name: str, value: object) -> None:
        text = str(value)
        if name not in QUIRKS:
            raise UnknownQuirk(f"unknown quirk {name!r}; there are:\n{describe()}")
        if not QUIRKS[name].accepts(text):
            raise UnknownQuirk(f"quirk {name} takes {QUIRKS[name].choices}, not {text!r}")
        self._values[name] = text

    def yes(self, name: str) -> bool:
        """Whether a quirk that is yes or no is yes."""
        return self._values[name] == "yes"

    def number(self, name: str) -> float:
        """The value of a quirk that is a number."""
        return float(self._values[name])


def describe() -> str:
    """One line for each quirk: name, values (default first), meaning."""
    return "\n".join(f"  {name}={quirk.choices}  {quirk.help}" for name, quirk in QUIRKS.items())
