"""Inserting thousands of rows: one statement a batch, and each value converted once.

Django's ``bulk_create`` spends most of its time on asking every field of every row how its value
is written. Here a value that a column has in row after row (a moment, an empty text, ``None``) is
asked for once, and no instance is needed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, JSONField, Model
from django.db.models.constants import OnConflict

from .batches import BATCH_ROWS, batches

M = TypeVar("M", bound=Model)


def insert_instances(rows: Sequence[M], *, unique: str, using: str | None = None) -> None:
    """Insert these new instances as they stand and give them their keys.

    ``unique`` is a unique text field: by it they find their keys, for no database promises to
    return them in the order of the rows. Unlike ``bulk_create`` it fills in no ``auto_now`` and
    reads no generated field back.
    """
    if not rows:
        return
    model = type(rows[0])
    alias = using or router.db_for_write(model)
    connection = connections[alias]
    own = model._meta.local_concrete_fields
    insert = _Insert(model, [f for f in own if not f.primary_key and not f.generated], connection)
    returned = (model._meta.pk, *_fields(model, [unique]))
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in returned)
    with transaction.atomic(using=alias, savepoint=False), connection.cursor() as cursor:
        for batch in insert.batches(rows):
            columns = [[getattr(row, field.attname) for row in batch] for field in insert.fields]
            cursor.execute(*insert.statement(columns, f"RETURNING {names}"))
            keys = {value: pk for pk, value in cursor.fetchall()}
            for row in batch:
                row.pk = keys[getattr(row, unique)]
                row._state.adding = False
                row._state.db = alias


def insert_values(
    model: type[Model],
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    using: str | None = None,
    update: Collection[str] = (),
    unique: Sequence[str] = (),
) -> None:
    """Insert rows that are given by the values of these fields, foreign keys by theirs.

    A row that is there already by a unique constraint stays as it is; with ``update`` these fields
    of it are overwritten, where ``unique`` names the constraint's fields. Fields that aren't named
    must allow null.
    """
    if not rows:
        return
    alias = using or router.db_for_write(model)
    connection = connections[alias]
    how = OnConflict.UPDATE if update else OnConflict.IGNORE
    insert = _Insert(model, _fields(model, names), connection, how)
    suffix = connection.ops.on_conflict_suffix_sql(
        insert.fields,
        how,
        [field.column for field in _fields(model, update)],
        [field.column for field in _fields(model, unique)],
    )
    with transaction.atomic(using=alias, savepoint=False), connection.cursor() as cursor:
        for batch in insert.batches(rows):
            cursor.execute(*insert.statement(list(zip(*batch, strict=True)), suffix))


def _fields(model: type[Model], names: Collection[str]) -> list[Field[Any, Any]]:
    by_name = {field.name: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in names]


class _Insert:
    """An INSERT into these fields, in the words of this database."""

    def __init__(
        self,
        model: type[Model],
        fields: Sequence[Field[Any, Any]],
        connection: BaseDatabaseWrapper,
        on_conflict: OnConflict | None = None,
    ) -> None:
        self.fields = fields
        self._connection = connection
        quote = connection.ops.quote_name
        into = connection.ops.insert_statement(on_conflict=on_conflict)
        columns = ", ".join(quote(str(field.column)) for field in fields)
        self._head = f"{into} {quote(model._meta.db_table)} ({columns})"

    def batches(self, rows: Sequence[Any]) -> Iterator[list[Any]]:
        """The rows in lists as long as one statement may hold."""
        allowed = self._connection.ops.bulk_batch_size(self.fields, rows)
        return batches(rows, max(1, min(BATCH_ROWS, allowed)))

    def statement(self, columns: Sequence[Sequence[Any]], suffix: str) -> tuple[str, list[Any]]:
        """The statement that inserts these columns of values, and its parameters."""
        if self._connection.vendor == "postgresql":
            return self._from_document(columns, suffix)
        stored = [
            list(self._stored(field, column))
            for field, column in zip(self.fields, columns, strict=True)
        ]
        row = f"({', '.join(['%s'] * len(stored))})"
        values = ", ".join([row] * len(stored[0]))
        parameters = list(chain.from_iterable(zip(*stored, strict=True)))
        return f"{self._head} VALUES {values} {suffix}", parameters

    def _from_document(self, given: Sequence[Sequence[Any]], suffix: str) -> tuple[str, list[Any]]:
        """One JSON document of all rows, and one value for a column of equal ones.

        On PostgreSQL it is the number of parameters to write out that takes time.
        """
        chosen: list[str] = []
        once: list[Any] = []
        columns: dict[str, str] = {}
        varying: list[Iterable[Any]] = []
        for field, column in zip(self.fields, given, strict=True):
            type_name = self._type(field)
            if columns and all(value is column[0] for value in column):
                chosen.append(f"%s::{type_name}")
                once.append(field.get_db_prep_save(column[0], self._connection))
            else:
                name = f"c{len(columns)}"
                chosen.append(name)
                columns[name] = type_name
                is_json = isinstance(field, JSONField)
                varying.append(column if is_json else self._stored(field, column))
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*varying, strict=True)]
        types = ", ".join(f"{name} {type_name}" for name, type_name in columns.items())
        source = f"JSON_TO_RECORDSET(%s::json) AS given ({types})"
        # Only names are put in, quoted; the values are parameters.
        statement = f"{self._head} SELECT {', '.join(chosen)} FROM {source} {suffix}"  # noqa: S608
        return statement, [*once, json.dumps(rows, default=_plain)]

    def _stored(self, field: Field[Any, Any], column: Sequence[Any]) -> Iterator[Any]:
        """The column's values as the database takes them."""
        last, stored = object(), None
        for value in column:
            if value is not last and not (value == {} == last):
                last, stored = value, field.get_db_prep_save(value, self._connection)
            yield stored

    def _type(self, field: Field[Any, Any]) -> str:
        """The column's type without its length: what is too long must fail, not be cut."""
        return str(field.db_type(self._connection)).partition("(")[0]


def _plain(value: Any) -> Any:
    """A moment or an id as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not known to JSON")
