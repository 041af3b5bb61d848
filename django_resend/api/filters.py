"""Filters of the lists, by query string. What isn't understood is refused, never ignored."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from ..models import (
    OutboxEntry,
    Segment,
    SegmentMembership,
    Subscription,
    Topic,
    TopicSubscription,
    email_key,
)
from .rows import IN_STEP
from .values import instant, is_whole_number

M = TypeVar("M", Segment, Topic)

Rows = QuerySet[Any]
Filter = Callable[[Rows, str, QueryDict], Rows]
"""Narrows the rows by its value; the whole query string is there for filters that work in pairs."""

PAGING = frozenset({"page", "page_size", "cursor"})
NO_CHOICE = "default"
REMOTE_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


class QueryStringFilters(BaseFilterBackend):
    """Applies the filters that the view names in ``filters``. Raises ``ValidationError``."""

    def filter_queryset(self, request: Request, queryset: Rows, view: APIView) -> Rows:
        if view.action != "list":  # type: ignore[attr-defined]  # a viewset's
            return queryset
        filters: dict[str, Filter] = view.filters  # type: ignore[attr-defined]  # our viewsets'
        query = request.query_params
        known = {*filters, *PAGING, api_settings.URL_FORMAT_OVERRIDE}
        for name in query:
            if name not in known:
                sentence = _("There is no such filter. Filters here: %(names)s.")
                raise refused(name, sentence % {"names": ", ".join(sorted(filters))})
            if len(query.getlist(name)) > 1:
                raise refused(name, _("Give this once."))
        for name, narrow in filters.items():
            if name in query:
                queryset = narrow(queryset, query[name], query)
        return queryset


def refused(name: str, sentence: str | Promise) -> ValidationError:
    return ValidationError({name: [str(sentence)]})


def by_sync_state(rows: Rows, value: str, query: QueryDict) -> Rows:
    entries = OutboxEntry.objects.filter(kind=rows.model.kind)
    if value == IN_STEP:
        return rows.filter(~Exists(entries.filter(object_id=OuterRef("pk"))))
    if value not in OutboxEntry.State.values:
        raise refused("sync_state", _("Write in_step, pending or refused."))
    return rows.filter(pk__in=entries.filter(state=value).values("object_id"))


def by_email(rows: Rows, value: str, query: QueryDict) -> Rows:
    if "@" not in value or " " in value:
        raise refused("email", _("Write a whole address, with + as %2B."))
    return rows.filter(email_key=email_key(value))


def by_search(rows: Rows, value: str, query: QueryDict) -> Rows:
    start = value.strip()
    if not start or " " in start:
        raise refused("search", _("Write how the address begins, with + as %2B."))
    return rows.filter(email_key__startswith=email_key(start))


def by_unsubscribed(rows: Rows, value: str, query: QueryDict) -> Rows:
    return rows.filter(unsubscribed=truth("unsubscribed", value))


def by_suppressed(rows: Rows, value: str, query: QueryDict) -> Rows:
    return rows.filter(suppressed_at__isnull=not truth("suppressed", value))


def truth(name: str, value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise refused(name, _("Write true or false."))
    return value.lower() == "true"


def by_updated_after(rows: Rows, value: str, query: QueryDict) -> Rows:
    moment = instant(value)
    if moment is None:
        sentence = _(
            "Write a date and time with its zone, such as 2026-01-31T12:00:00Z, with + as %2B."
        )
        raise refused("updated_after", sentence)
    return rows.filter(updated_at__gt=moment)


def by_segment(rows: Rows, value: str, query: QueryDict) -> Rows:
    segment = named(Segment, "segment", value)
    members = SegmentMembership.objects.filter(contact=OuterRef("pk"), segment=segment)
    return rows.filter(Exists(members))


def by_topic(rows: Rows, value: str, query: QueryDict) -> Rows:
    topic = named(Topic, "topic", value)
    choices = TopicSubscription.objects.filter(contact=OuterRef("pk"), topic=topic)
    wanted = query.get("subscription")
    if wanted is None:
        return rows.filter(Exists(choices))
    if wanted == NO_CHOICE:
        return rows.filter(~Exists(choices))
    return rows.filter(Exists(choices.filter(subscription=wanted)))


def by_subscription(rows: Rows, value: str, query: QueryDict) -> Rows:
    """Only checks: ``by_topic`` narrows by both."""
    if "topic" not in query:
        raise refused("subscription", _("Say for which topic: topic=<id>."))
    if value not in {*Subscription.values, NO_CHOICE}:
        raise refused("subscription", _("Write opt_in, opt_out or default (no choice made)."))
    return rows


def named(model: type[M], name: str, value: str) -> M:
    """The definition with this local id or this id at Resend."""
    found: M | None = None
    if is_whole_number(value):
        found = model.objects.filter(pk=int(value)).first()
    elif REMOTE_ID.fullmatch(value):
        found = model.objects.filter(remote_id=value).first()
    if found is None:
        raise refused(name, _("There is none with this id, local or at Resend."))
    return found
