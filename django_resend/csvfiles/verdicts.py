"""What each record of a file would do, decided without writing anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Contact, Segment, Subscription, Topic, email_key
from ..models.bulk import LeftOut
from ..sync.seen import Seen
from . import cells
from .cells import CellRefused
from .found import Found
from .instructions import Orders
from .records import Record
from .targets import Field, Target, missing

SHOWN_CHARACTERS = 60
"""Longer values are cut where a change is told; what is stored is whole."""


class Outcome(models.TextChoices):
    NEW = "new", gettext_lazy("new")
    CHANGED = "changed", gettext_lazy("changed")
    UNCHANGED = "unchanged", gettext_lazy("unchanged")
    SKIPPED = "skipped", gettext_lazy("exists, left as it is")
    REFUSED = "refused", gettext_lazy("refused")


class Change(NamedTuple):
    what: str
    old: str
    new: str

    def __str__(self) -> str:
        if not self.old:
            return f"{self.what}: {_short(self.new)}"
        return f"{self.what}: {_short(self.old)} → {_short(self.new)}"


@dataclass
class Verdict:
    """On one record. ``notes``: what the file asks and consent forbids, so that it stays as it is.

    ``contact`` has the new values, in memory; ``fields`` names those that differ from the stored.
    """

    line: int
    address: str
    outcome: Outcome
    reason: str = ""
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    contact: Contact | None = None
    fields: set[str] = field(default_factory=set)
    segments: list[Segment] = field(default_factory=list)
    choices: dict[Topic, Subscription] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """Everything worth telling, in one line."""
        return "; ".join([*filter(None, [self.reason]), *map(str, self.changes), *self.notes])

    @property
    def calls(self) -> int:
        """The most calls that sending this to Resend takes."""
        choices = 2 if self.choices else 0
        if self.outcome == Outcome.NEW:
            return 2 + choices
        return bool(self.fields) + len(self.segments) + choices

    def refused(self, reason: str) -> Verdict:
        """The verdict that refuses the same record; nothing of this one is left."""
        return Verdict(self.line, self.address, Outcome.REFUSED, reason)

    def change(self, what: str, old: str, new: str) -> None:
        self.changes.append(Change(what, old, new))


class Judge:
    """Decides batches of records. A constant number of queries a batch."""

    def __init__(self, orders: Orders, repeats: Seen) -> None:
        self._orders = orders
        self._repeats = repeats

    def __call__(self, records: Sequence[Record], *, lock: bool = False) -> list[Verdict]:
        """A verdict a record, in their order. ``lock``: what was found can't change until the
        end of the transaction."""
        verdicts = [self._first_look(record) for record in records]
        keys = [email_key(one.address) for one in verdicts if one.outcome != Outcome.REFUSED]
        found = Found(keys, self._orders, lock=lock)
        for place, (record, verdict) in enumerate(zip(records, verdicts, strict=True)):
            if verdict.outcome != Outcome.REFUSED:
                try:
                    _Reading(self._orders, found, record, verdict).judge()
                except CellRefused as reason:
                    verdicts[place] = verdict.refused(str(reason))
        return verdicts

    def _first_look(self, record: Record) -> Verdict:
        """What the record alone tells."""
        column, width = self._orders.address_column, len(self._orders.targets)
        cell = record.cells[column] if column < len(record.cells) else ""
        address = cells.cell_text(cell).strip()
        verdict = Verdict(record.line, address, Outcome.UNCHANGED)
        reason = record.problem or _misfit(record, width) or _invalid(address)
        if not reason and record.number in self._repeats:
            reason = _("an earlier line has this address too; the first one counts")
        if reason:
            verdict.outcome, verdict.reason = Outcome.REFUSED, reason
            verdict.address = _short(_printable(address))
        return verdict


def _misfit(record: Record, width: int) -> str:
    if any(map(str.strip, record.cells[width:])):
        return _("it has %(cells)d values for %(columns)d columns") % {
            "cells": len(record.cells),
            "columns": width,
        }
    if any("\0" in cell for cell in record.cells):
        return _("it holds a NUL character")
    return ""


def _invalid(address: str) -> str:
    if not address:
        return _("it has no e-mail address")
    try:
        validate_email(address)
    except ValidationError:
        return _("“%s” is no e-mail address") % _short(_printable(address))
    return ""


class _Reading:
    """One record that has an address, against what is here."""

    def __init__(self, orders: Orders, found: Found, record: Record, verdict: Verdict) -> None:
        self._orders = orders
        self._found = found
        self._record = record
        self._verdict = verdict
        self._key = email_key(verdict.address)
        self._segments: dict[Segment, None] = dict.fromkeys(orders.segments)
        self._choices: dict[Topic, Subscription] = dict.fromkeys(orders.topics, Subscription.OPT_IN)

    def judge(self) -> None:
        verdict, stored = self._verdict, self._found.contacts.get(self._key)
        if stored is not None and self._orders.skips:
            verdict.outcome = Outcome.SKIPPED
            return
        contact = stored or Contact(email=verdict.address, email_key=self._key)
        verdict.contact = contact
        for target, label, cell in self._filled():
            self._read(contact, target, label, cell)
        if stored is None:
            self._recall(contact)
        self._join(contact)
        self._choose(contact)
        if stored is None:
            verdict.outcome = Outcome.NEW
        elif verdict.changes:
            verdict.outcome = Outcome.CHANGED

    def _filled(self) -> Iterator[tuple[Target, str, str]]:
        """The cells that say something, with their targets: an empty one says nothing."""
        orders = self._orders
        for target, label, cell in zip(
            orders.targets, orders.labels, self._record.cells, strict=False
        ):
            if target is not None and target.field != Field.EMAIL and cell.strip():
                yield target, label, cell

    def _read(self, contact: Contact, target: Target, label: str, cell: str) -> None:
        try:
            if target.definition is not None:
                self._read_property(contact, target, cell)
            elif target.topic is not None:
                self._choices[target.topic] = cells.cell_choice(cell, inverted=True)
            elif target.field == Field.SEGMENTS:
                self._read_segments(cell)
            elif target.field in (Field.FIRST_NAME, Field.LAST_NAME):
                self._read_name(contact, str(target.field), label, cell)
            else:
                inverted = target.field == Field.SUBSCRIBED
                self._read_consent(contact, cells.cell_choice(cell, inverted=inverted))
        except CellRefused as reason:
            raise CellRefused(f"{label}: {reason}") from None

    def _read_name(self, contact: Contact, name: str, label: str, cell: str) -> None:
        old, new = getattr(contact, name), cells.cell_text(cell).strip()
        if cell != cells.text_cell(old) and old != new:
            setattr(contact, name, new)
            self._verdict.fields.add(name)
            self._verdict.change(label, old, new)

    def _read_property(self, contact: Contact, target: Target, cell: str) -> None:
        definition = target.definition
        assert definition is not None  # noqa: S101
        old = contact.properties.get(definition.key)
        if cell == cells.value_cell(old):
            return
        new = cells.cell_value(cell, definition)
        if old != new or isinstance(old, bool):
            contact.properties = {**contact.properties, definition.key: new}
            self._verdict.fields.add("properties")
            self._verdict.change(definition.key, "" if old is None else str(old), str(new))

    def _read_segments(self, cell: str) -> None:
        for name in cells.cell_names(cell):
            segment = self._orders.catalogue.segments.find(name)
            if segment is None:
                raise CellRefused(missing(self._orders.catalogue.segments, name, _("segment")))
            self._segments[segment] = None

    def _read_consent(self, contact: Contact, choice: Subscription) -> None:
        if choice == Subscription.OPT_OUT and not contact.unsubscribed:
            contact.unsubscribed = True
            self._verdict.fields.add("unsubscribed")
            self._verdict.change(_("broadcasts"), "", _("unsubscribed"))
        elif choice == Subscription.OPT_IN and contact.unsubscribed:
            self._verdict.notes.append(_("unsubscribed, and stays so"))

    def _recall(self, contact: Contact) -> None:
        """A new contact at an address that had opted out is opted out again."""
        memory, verdict = self._found.memory, self._verdict
        if memory.unsubscribed(self._key) and not contact.unsubscribed:
            contact.unsubscribed = True
            verdict.notes.append(_("unsubscribed again: it had unsubscribed before it was deleted"))
            contact.attention = Contact.Attention.RECALLED
        recalled = self._found.remembered_topics(self._key)
        if recalled:
            contact.attention = Contact.Attention.RECALLED
        for topic in recalled:
            self._choices[topic] = Subscription.OPT_OUT
            verdict.notes.append(f"{topic}: {LeftOut.REMEMBERED.label}")

    def _join(self, contact: Contact) -> None:
        there = self._found.memberships.get(contact.pk, set())
        verdict = self._verdict
        verdict.segments = [one for one in self._segments if one.pk not in there]
        if verdict.segments:
            names = ", ".join(one.name for one in verdict.segments)
            verdict.change(_("segments"), "", f"+ {names}")

    def _choose(self, contact: Contact) -> None:
        there = self._found.choices.get(contact.pk, {})
        for topic, choice in self._choices.items():
            current = there.get(topic.pk)
            if current == choice:
                continue
            if choice == Subscription.OPT_IN and current == Subscription.OPT_OUT:
                self._verdict.notes.append(f"{topic}: {LeftOut.OPTED_OUT.label}")
            elif choice == Subscription.OPT_IN and self._found.remembers(self._key, topic):
                self._verdict.notes.append(f"{topic}: {LeftOut.REMEMBERED.label}")
            else:
                self._verdict.choices[topic] = choice
                old = Subscription(current).label if current else ""
                self._verdict.change(str(topic), str(old), str(choice.label))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "·" for char in text)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
