"""List replies. Resend docs: Pagination."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .index import NewestFirst, R
from .quirks import Quirks
from .replies import Reply, bad_parameter, invalid, json_reply
from .requesting import Call, uuid_or_refuse

LARGEST = 100
USUAL = 20


def list_reply(
    call: Call,
    quirks: Quirks,
    rows: NewestFirst[R],
    shown: Callable[[R], dict[str, Any]],
    *,
    older: bool = False,
) -> Reply:
    """One page. `older`: a list that returns everything when the call names no limit."""
    everything = older and quirks["list_without_limit"] == "all"
    limit = _limit(call) or (None if everything else USUAL)
    after, before = _cursor(call, "after"), _cursor(call, "before")
    if after and before:
        raise invalid("`after` and `before` cannot be used together.")
    try:
        page, has_more = rows.page(limit, after, before)
    except KeyError:
        if quirks["bad_cursor"] == "error":
            raise bad_parameter("The cursor does not exist.") from None
        page, has_more = rows.page(limit)
    content: dict[str, Any] = {"object": "list", "has_more": has_more}
    if quirks["has_more"] == "missing":
        del content["has_more"]
    content["data"] = [shown(row) for row in page]
    return json_reply(content)


def _limit(call: Call) -> int | None:
    text = call.query.get("limit")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST:
        raise invalid(f"The `limit` parameter must be a number from 1 to {LARGEST}.")
    return int(text)


def _cursor(call: Call, name: str) -> str | None:
    text = call.query.get(name)
    return uuid_or_refuse(text) if text else None
