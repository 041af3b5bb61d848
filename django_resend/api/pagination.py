"""Pages: 50 rows unless the client asks for another number, 200 at most."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination, PageNumberPagination
from rest_framework.request import Request

from .values import is_whole_number

PAGE_ROWS = 50
MAX_PAGE_ROWS = 200


def asked_rows(request: Request) -> int:
    """The rows a page. Raises ``ValidationError`` unless ``page_size`` is a positive number."""
    asked = request.query_params.get("page_size")
    if asked is None:
        return PAGE_ROWS
    if not is_whole_number(asked) or int(asked) == 0:
        raise ValidationError({"page_size": [_("Write a whole number from 1 to 200.")]})
    return min(int(asked), MAX_PAGE_ROWS)


class DefinitionPages(PageNumberPagination):
    """Numbered pages with a total, for tables of some dozen rows."""

    page_size_query_param = "page_size"

    def get_page_size(self, request: Request) -> int:
        return asked_rows(request)


class ContactPages(CursorPagination):
    """Pages that start after a contact's id: the last of a million costs what the first does."""

    ordering = "id"
    page_size_query_param = "page_size"

    def get_page_size(self, request: Request) -> int:
        return asked_rows(request)

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        if cursor and cursor.position is not None and not is_whole_number(str(cursor.position)):
            raise ValidationError({"cursor": [_("This is not a cursor of ours.")]})
        return cursor
