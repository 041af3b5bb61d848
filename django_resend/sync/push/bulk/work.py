"""What contacts need at Resend, many at once, and what of it the rows of a CSV file can carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower

from ....models import (
    Contact,
    ContactImport,
    ContactProperty,
    Kind,
    MembershipRemoval,
    OutboxEntry,
    SegmentMembership,
    Subscription,
    Tombstone,
    TopicSubscription,
)
from ...matching import agreed_key, is_on_the_move
from ...memory import Memory
from ...merge import changes
from ...states import local_contact

PROPERTY = "properties."
"""Begins the name of a property's column."""


@dataclass(frozen=True)
class Group:
    """What the rows of one file have in common; the column map is not theirs alone."""

    job: str
    columns: tuple[str, ...]
    segments: tuple[str, ...]
    opt_outs: tuple[str, ...]


@dataclass
class Work:
    """What one contact needs. ``fields`` are the values a row would carry, if it can; ``left``
    says that something is for single calls. Segments and topics by Resend's id.

    ``opt_ins`` are choices for topics that nobody gets by default and that no opt-out precedes.
    """

    contact: Contact
    is_new: bool
    fields: dict[str, Any] = field(default_factory=dict)
    segments: set[str] = field(default_factory=set)
    opt_outs: set[str] = field(default_factory=set)
    opt_ins: set[str] = field(default_factory=set)
    left: bool = False

    @property
    def is_done(self) -> bool:
        """Nothing is to be sent."""
        sent = self.fields or self.segments or self.opt_outs or self.opt_ins
        return not (self.is_new or self.left or sent)

    @property
    def group(self) -> Group | None:
        """The file it may go into, if any."""
        segments, opt_outs = tuple(sorted(self.segments)), tuple(sorted(self.opt_outs))
        if self.is_new:
            if self.left or not self.fields:
                return None
            return Group(ContactImport.Job.CREATE, (), segments, opt_outs)
        columns = tuple(sorted(columns_of(self.fields)))
        if not (columns or segments or opt_outs) or is_on_the_move(self.contact):
            return None
        if not _is_plain(self.contact.email):
            return None
        return Group(ContactImport.Job.CHANGE, columns, segments, opt_outs)


def columns_of(fields: Mapping[str, Any]) -> list[str]:
    """The columns, beside the address, that these values of a contact fill."""
    plain = [name for name in fields if name not in ("email", "properties")]
    return plain + [f"{PROPERTY}{key}" for key in fields.get("properties", {})]


def property_types() -> dict[str, str]:
    """The properties that exist at Resend, by key."""
    defined = ContactProperty.untracked.filter(remote_id__isnull=False)
    return dict(defined.values_list("key", "type"))


def read_work(pks: Sequence[int]) -> dict[int, Work]:
    """What these contacts need, by local key. At most eleven queries, however many contacts."""
    found = Contact.untracked.filter(pk__in=pks)
    works = {row.pk: Work(row, is_new=row.remote_id is None) for row in found}
    types = property_types()
    for work in works.values():
        if work.is_new:
            _read_new(work, types)
        else:
            _read_changed(work, types)
    _read_memberships(works)
    _read_choices(works)
    removals = MembershipRemoval.objects.filter(contact__in=works)
    for pk in removals.values_list("contact_id", flat=True):
        works[pk].left = True
    # Remote contacts that it replaced and that are still to be deleted.
    replaced = Tombstone.objects.filter(kind=Kind.CONTACT, object_id__in=works, settled_at=None)
    for pk in replaced.values_list("object_id", flat=True):
        works[pk].left = True
    _leave_to_single_calls([work for work in works.values() if work.is_new and not work.left])
    return works


def _read_new(work: Work, types: Mapping[str, str]) -> None:
    contact = work.contact
    if contact.in_flight or contact.base or contact.attention == Contact.Attention.UNLINKED:
        # It may be at Resend, or somebody else at its address.
        work.left = True
        return
    values = local_contact(contact)
    work.left = not (
        _is_plain(contact.email)
        and all(not values[name] or _is_plain(values[name]) for name in ("first_name", "last_name"))
        and _are_plain(values["properties"], types)
    )
    work.fields = values


def _read_changed(work: Work, types: Mapping[str, str]) -> None:
    changed = changes(work.contact.base, local_contact(work.contact))
    changed.pop("email", None)
    properties = changed.get("properties", {})
    plain = {name: value for name, value in changed.items() if name != "properties"}
    if changed.get("unsubscribed") is not False and (
        all(value is True or _is_plain(value) for value in plain.values())
        and _are_plain(properties, types)
    ):
        work.fields = changed
    else:
        work.left = True


def _read_memberships(works: Mapping[int, Work]) -> None:
    rows = SegmentMembership.untracked.filter(contact__in=works, confirmed_at=None)
    for pk, segment in rows.values_list("contact_id", "segment__remote_id"):
        if segment is None:
            works[pk].left = True
        else:
            works[pk].segments.add(segment)


def _read_choices(works: Mapping[int, Work]) -> None:
    rows = TopicSubscription.untracked.filter(contact__in=works).filter(
        Q(contact__remote_id=None) | ~Q(subscription=F("base"))
    )
    told = ("contact_id", "topic__remote_id", "topic__default_subscription", "subscription", "base")
    for pk, topic, default, choice, base in rows.values_list(*told):
        work = works[pk]
        if topic is None:
            work.left = True
        elif choice == Subscription.OPT_OUT:
            work.opt_outs.add(topic)
        elif base == Subscription.OPT_OUT:
            work.left = True
        elif default == Subscription.OPT_OUT:
            work.opt_ins.add(topic)
        elif not work.is_new:
            work.left = True


def _leave_to_single_calls(works: Sequence[Work]) -> None:
    """Those with an opt-out to recall, and those whose address another contact is leaving."""
    if not works:
        return
    memory = Memory([], [work.contact.email_key for work in works])
    leaving = _addresses_being_left(work.contact.email_key for work in works)
    for work in works:
        key = work.contact.email_key
        recalls = memory.unsubscribed(key) and not work.contact.unsubscribed
        if recalls or key in leaving or set(memory.topics(key)) - work.opt_outs:
            work.left = True


def _addresses_being_left(keys: Iterable[str]) -> set[str]:
    """Those of these addresses (by key) that at Resend still belong to contacts on the move."""
    entries = OutboxEntry.objects.filter(kind=Kind.CONTACT, remote_id="").values("object_id")
    movers = (
        Contact.untracked.filter(remote_id__isnull=False, pk__in=entries)
        .alias(agreed=Lower(KeyTextTransform("email", "base")))
        .exclude(agreed=F("email_key"))
    )
    return {agreed_key(contact) for contact in movers.iterator(500)} & set(keys)


def _is_plain(value: Any) -> bool:
    """Whether a cell carries this text unchanged, whoever reads the file."""
    return isinstance(value, str) and value.isprintable() and value != "" and value == value.strip()


def _are_plain(properties: Mapping[str, Any], types: Mapping[str, str]) -> bool:
    return all(_fits(value, types.get(key, "")) for key, value in properties.items())


def _fits(value: Any, type: str) -> bool:
    if type == ContactProperty.Type.NUMBER:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and repr(value).strip("-").replace(".", "", 1).isdigit()
    return type == ContactProperty.Type.STRING and _is_plain(value)
