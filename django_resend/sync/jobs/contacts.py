"""The operations on many contacts that write the mirror and its outbox and make no call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from ...models import Contact, Kind, OutboxEntry, Segment, Topic
from ...models.bulk import (
    BulkResult,
    Tell,
    Told,
    add_to_segments,
    delete_contacts,
    remove_from_segments,
    set_property,
    subscribe_to_topics,
    unsubscribe,
    unsubscribe_from_topics,
)
from ...models.jobs import Job
from .batch import Batch, batch
from .registry import Operation, register
from .selection import cursor_after, next_keys

GONE = "gone"
"""The contact was deleted after it had been selected."""


class OnContacts(Operation):
    """An operation on the selected contacts, 1,000 a batch. Implement ``work``."""

    def total(self, arguments: Mapping[str, Any]) -> int:
        return int(arguments["count"])

    def step(self, job: Job) -> bool:
        keys = next_keys(job)
        if not keys:
            return False
        with batch(job) as told:
            contacts = Contact.objects.filter(pk__in=keys)
            gone = len(keys) - contacts.count()
            result = self.work(contacts, job.arguments, self._teller(job.arguments, told))
            told.rows, told.cursor = len(keys), cursor_after(keys)
            told.counts.update(counted(result) | {GONE: gone})
        return True

    def work(self, contacts: QuerySet[Any], arguments: Mapping[str, Any], tell: Tell) -> BulkResult:
        """Do it for one batch, inside its transaction."""
        raise NotImplementedError

    def names(self, arguments: Mapping[str, Any]) -> Mapping[int, str]:
        """The segments or topics of the job, by local key."""
        return {}

    def describe(self, arguments: Mapping[str, Any]) -> str:
        return ", ".join(self.names(arguments).values())

    def _teller(self, arguments: Mapping[str, Any], told: Batch) -> Tell:
        names = self.names(arguments)

        def tell(row: Told) -> None:
            detail = names.get(row.other or 0, "")
            told.tell(row.email, str(row.outcome), object_id=row.contact, detail=detail)

        return tell


def counted(result: BulkResult) -> Counter[str]:
    """A bulk result as the counts of a job."""
    left_out = {str(reason): count for reason, count in result.left_out.items()}
    numbers = {"changed": result.changed, "unchanged": result.unchanged, **left_out}
    return Counter({**numbers, "unsubscribed": result.unsubscribed})


class WithChoice(OnContacts):
    """With some segments or topics: ``arguments["chosen"]``, their local keys."""

    model: ClassVar[type[Segment] | type[Topic]]
    run: ClassVar[Any]

    def chosen(self, arguments: Mapping[str, Any]) -> Iterable[Any]:
        return self.model._default_manager.filter(pk__in=arguments["chosen"]).order_by("name", "pk")

    def names(self, arguments: Mapping[str, Any]) -> Mapping[int, str]:
        return {one.pk: one.name for one in self.chosen(arguments)}

    def work(self, contacts: QuerySet[Any], arguments: Mapping[str, Any], tell: Tell) -> BulkResult:
        result: BulkResult = self.run(contacts, self.chosen(arguments), tell=tell)
        return result


@register("add_to_segments")
class AddToSegments(WithChoice):
    label = _("Add to segments")
    model = Segment
    run = staticmethod(add_to_segments)


@register("remove_from_segments")
class RemoveFromSegments(WithChoice):
    label = _("Remove from segments")
    model = Segment
    run = staticmethod(remove_from_segments)


@register("subscribe_to_topics")
class SubscribeToTopics(WithChoice):
    label = _("Subscribe to topics")
    model = Topic
    run = staticmethod(subscribe_to_topics)


@register("unsubscribe_from_topics")
class UnsubscribeFromTopics(WithChoice):
    label = _("Unsubscribe from topics")
    model = Topic
    run = staticmethod(unsubscribe_from_topics)


@register("unsubscribe")
class Unsubscribe(OnContacts):
    label = _("Unsubscribe from everything")

    def work(self, contacts: QuerySet[Any], arguments: Mapping[str, Any], tell: Tell) -> BulkResult:
        return unsubscribe(contacts, tell=tell)


@register("set_property")
class SetProperty(OnContacts):
    """``arguments``: ``key``, and ``value``, ``None`` to take the value away."""

    label = _("Set a property")

    def work(self, contacts: QuerySet[Any], arguments: Mapping[str, Any], tell: Tell) -> BulkResult:
        return set_property(contacts, arguments["key"], arguments["value"], tell=tell)

    def describe(self, arguments: Mapping[str, Any]) -> str:
        value = arguments["value"]
        return f"{arguments['key']} = {'-' if value is None else value}"


@register("delete_contacts")
class DeleteContacts(OnContacts):
    label = _("Delete contacts")

    def work(self, contacts: QuerySet[Any], arguments: Mapping[str, Any], tell: Tell) -> BulkResult:
        return delete_contacts(contacts, tell=tell)


@register("retry")
class Retry(OnContacts):
    """Changes that Resend refused, or that wait to be tried again, become due now."""

    label = _("Try again")

    def work(self, contacts: QuerySet[Any], arguments: Mapping[str, Any], tell: Tell) -> BulkResult:
        emails = dict(contacts.values_list("pk", "email"))
        entries = OutboxEntry.objects.filter(kind=Kind.CONTACT, object_id__in=emails)
        waiting = list(entries.values_list("object_id", flat=True))
        OutboxEntry.objects.make_due(entries)
        for pk in waiting:
            tell(Told(pk, emails[pk], None, "changed"))
        return BulkResult(changed=len(waiting), unchanged=len(emails) - len(waiting))
