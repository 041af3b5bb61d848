"""Values as cells and back.

A text that a spreadsheet would take for a formula gets an apostrophe in front, and so does one
that looks as if it had got one: so every text comes back as it was.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable

from django.utils.translation import gettext as _

from ..models import ContactProperty, Subscription

FORMULA = ("=", "+", "-", "@", "\t", "\r")
MARKED = (*FORMULA, "'")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")

TRUE = frozenset({"true", "yes", "y", "t", "1", "x", "on", "ja", "j", "wahr", "oui", "sí", "sim"})
FALSE = frozenset({"false", "no", "n", "f", "0", "off", "nein", "falsch", "non", "não"})
OUT = frozenset(
    {"unsubscribed", "opt_out", "opted out", "opt-out", "optout", "abgemeldet", "désinscrit"}
)
IN = frozenset({"subscribed", "opt_in", "opted in", "opt-in", "optin", "angemeldet", "abonné"})

Value = str | int | float


class CellRefused(ValueError):
    """What a cell holds doesn't fit; the message completes the name of its column."""


def text_cell(text: str) -> str:
    """A text as a cell that no spreadsheet evaluates."""
    marked = text.startswith(FORMULA) or (text[:1] == "'" and text[1:].startswith(MARKED))
    return f"'{text}" if marked else text


def cell_text(cell: str) -> str:
    """The text that ``text_cell`` made this cell of."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(MARKED) else cell


def value_cell(value: object) -> str:
    """A property's value as a cell."""
    if value is None:
        return ""
    return text_cell(value) if isinstance(value, str) else json.dumps(value)


def cell_value(cell: str, definition: ContactProperty) -> Value:
    """A cell as a value of this property."""
    text = cell_text(cell).strip()
    return _number(text) if definition.type == ContactProperty.Type.NUMBER else text


def cell_choice(cell: str, *, inverted: bool = False) -> Subscription:
    """Whether a cell says that the person opted out. ``inverted``: its “yes” means subscribed."""
    word = cell_text(cell).strip().casefold()
    if word in OUT or word in IN:
        return Subscription.OPT_OUT if word in OUT else Subscription.OPT_IN
    if word not in TRUE and word not in FALSE:
        raise CellRefused(_("“%s” is neither yes nor no") % cell)
    return Subscription.OPT_OUT if (word in TRUE) != inverted else Subscription.OPT_IN


def names_cell(names: Iterable[str]) -> str:
    """Several names in one cell, divided by semicolons."""
    line = io.StringIO()
    csv.writer(line, delimiter=";", lineterminator="").writerow(list(names))
    return text_cell(line.getvalue())


def cell_names(cell: str) -> list[str]:
    try:
        rows = csv.reader([cell_text(cell)], delimiter=";", skipinitialspace=True, strict=True)
        return [name.strip() for name in next(rows, []) if name.strip()]
    except csv.Error:
        raise CellRefused(_("the quotes in “%s” don't match") % cell) from None


def _number(text: str) -> int | float:
    if not NUMBER.fullmatch(text):
        raise CellRefused(_("“%s” is not a number; write it like 1234.5") % text)
    number = float(text)
    if not math.isfinite(number):
        raise CellRefused(_("“%s” is too large a number") % text)
    if re.fullmatch(r"[+-]?[0-9]{1,300}", text):
        return int(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
