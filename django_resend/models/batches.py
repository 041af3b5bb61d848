"""Writing many rows in few statements, on every database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Manager, Model, QuerySet

BATCH_ROWS = 1000

Deleted = tuple[int, dict[str, int]]
"""What Django's ``delete`` returns: rows in all, and by model."""

Item = TypeVar("Item")
M = TypeVar("M", bound=Model)


def batches(items: Iterable[Item], size: int = BATCH_ROWS) -> Iterator[list[Item]]:
    """The items in lists of at most ``size``, lazily."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def locked(manager: Manager[M], rows: QuerySet[M], *, using: str) -> QuerySet[M]:
    """These rows, so read that no push or pull can change them before the commit.

    By key, for a queryset with joins may not lock.
    """
    wanted = rows.order_by().values("pk")
    return manager.using(using).select_for_update().filter(pk__in=wanted)


def rewrite(rows: Sequence[M], fields: Iterable[str], *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Store these fields of rows that this transaction has locked, past the outbox.

    An upsert by key, for ``bulk_update`` is many times slower: its statement has a branch for each
    row and field. MySQL and MariaDB can't name the key that an upsert goes by: there a new value
    of a unique field could meet another row.
    """
    if not rows:
        return
    model, names = type(rows[0]), list(fields)
    stored = model._base_manager.using(using)
    target = upsert_target(connections[using], [model._meta.pk.name])
    unique = {field.name for field in model._meta.concrete_fields if field.unique}
    if target is None and unique.intersection(names):
        stored.bulk_update(rows, names, batch_size=BATCH_ROWS)
        return
    stored.bulk_create(
        rows,
        batch_size=BATCH_ROWS,
        update_conflicts=True,
        update_fields=names,
        unique_fields=target,
    )


def upsert_target(connection: BaseDatabaseWrapper, fields: list[str]) -> list[str] | None:
    """``unique_fields`` for ``bulk_create``: MySQL and MariaDB take none."""
    return fields if connection.features.supports_update_conflicts_with_target else None
