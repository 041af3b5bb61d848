"""Asking for rows by thousands of values."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import In


class OneOf(In):
    """As ``__in``, which on PostgreSQL takes long to write out: there all values are one array.

    Use it as ``filter(OneOf(F("email_key"), keys))``.
    """

    def as_postgresql(
        self, compiler: Any, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        left, parameters = self.process_lhs(compiler, connection)
        element = self.lhs.output_field.db_type(connection).partition("(")[0]
        return f"{left} = ANY(%s::{element}[])", (*parameters, list(self.rhs))
