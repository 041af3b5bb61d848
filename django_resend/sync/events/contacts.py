"""contact.created, contact.updated and contact.deleted, merged like the rows of a pull."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ...client import Client, errors
from ...client.rows import ContactRow, moment
from ...models import Contact, ContactProperty, Kind, Tombstone, email_key
from ..apply import CLOCK_SKEW, apply_contacts
from ..calls import patiently
from ..pull.absence import bury, is_mass_deletion
from ..states import remote_contact
from .claims import Claim, Stale, done, remark, retry
from .members import join_segments
from .sights import is_covered, is_newer, last_list_read, reflected

Verdict = Literal["nothing", "apply", "ask"]

LEFT_TO_THE_SWEEP = "Resend doesn't have this contact; the next pull settles it."
GUARDED_FOR = timedelta(days=1)


@dataclass
class News:
    """What some events tell of one contact, in the order of their happening.

    ``tied`` says that two of one moment contradict each other.
    """

    claims: list[Claim] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    tied: bool = False
    deleted: bool = False

    @property
    def row(self) -> ContactRow:
        """As a pull would have it. Whether properties told by an event are all, nobody says."""
        told = {name: value for name, value in self.told.items() if name != "properties"}
        stamp = {} if self.at is None else {"updated_at": self.at.isoformat()}
        return ContactRow.read({**told, **stamp})

    @property
    def segments(self) -> list[str]:
        ids = self.told.get("segment_ids")
        return [id for id in ids if isinstance(id, str)] if isinstance(ids, list) else []

    def add(self, claim: Claim) -> None:
        ContactRow.read(claim.data)
        known = {name: self.told[name] for name in claim.data if name in self.told}
        contradicts = any(claim.data[name] != value for name, value in known.items())
        self.tied = (self.tied and self.at == claim.at) or (
            contradicts and (self.at is None or self.at == claim.at)
        )
        self.claims.append(claim)
        self.told.update(claim.data)
        self.at = claim.at
        self.deleted |= claim.event.type == "contact.deleted"


def fold(claims: Sequence[Claim]) -> list[News]:
    """The claims by contact. Raises ``Unreadable`` for one without id or address."""
    by_id: dict[str, News] = {}
    for claim in claims:
        by_id.setdefault(ContactRow.read(claim.data).id, News()).add(claim)
    return list(by_id.values())


def apply(claims: Sequence[Claim]) -> list[Sequence[Claim]]:
    """Apply what needs no call; returns the others, by contact."""
    looked_at = timezone.now()
    news = fold(claims)
    known = _Known(news)
    verdicts = [(one, known.verdict(one)) for one in news]
    fresh = {one.row.id: one for one, verdict in verdicts if verdict == "apply"}
    settled = [claim for one, verdict in verdicts if verdict != "ask" for claim in one.claims]
    if not fresh:
        done(settled)
    else:
        with transaction.atomic():
            done(settled)
            # Pushes that ended since the look make a row stale, not those before it.
            rows = [one.row for one in fresh.values()]
            applied = apply_contacts(rows, fetched_at=looked_at + CLOCK_SKEW)
            for id in applied.stale:
                retry(fresh[id].claims, Stale())
            taken = {id: pk for id, pk in applied.pks.items() if id not in applied.stale}
            mark_seen(taken.values())
            _mark_for_deep_read(taken.values())
            join_segments(
                {
                    pk: fresh[id].segments
                    for id, pk in taken.items()
                    if id in fresh and is_newer(fresh[id].at, known.list_read)
                }
            )
    return [one.claims for one, verdict in verdicts if verdict == "ask"]


def ask(client: Client, claims: Sequence[Claim]) -> None:
    """Settle one contact's events by what Resend has of it now."""
    (news,) = fold(claims)
    asked_at = timezone.now()
    try:
        row = patiently(lambda: client.contacts.get(news.row.id))
    except errors.NotFound as error:
        if not error.proves_absence:
            raise
        _bury(news)
        return
    with transaction.atomic():
        done(claims)
        store(row, asked_at)


def store(row: ContactRow, asked_at: datetime) -> int | None:
    """Merge a contact that was just read; returns its local key. Raises ``Stale``.

    ``None`` is one that is being deleted here.
    """
    stamp = {"updated_at": reflected(asked_at).isoformat()}
    applied = apply_contacts([replace(row, raw={**row.raw, **stamp})], fetched_at=asked_at)
    if row.id in applied.stale:
        raise Stale
    mark_seen(applied.pks.values())
    return applied.pks.get(row.id)


def mark_seen(pks: Any) -> None:
    """A list that was read before now may be older than what is here of these contacts."""
    Contact.untracked.filter(pk__in=list(pks)).update(seen_at=timezone.now())


def _mark_for_deep_read(pks: Any) -> None:
    """Events don't tell properties: the next deep pull reads these contacts first."""
    if ContactProperty.untracked.filter(remote_id__isnull=False).exists():
        read = Contact.untracked.filter(pk__in=list(pks), deep_checked_at__isnull=False)
        read.update(deep_checked_at=None)


def _bury(news: News) -> None:
    """Resend says that it doesn't have the contact: delete it here, and remember it.

    A deletion event is a second witness. Without one the guard against mass deletions holds.
    """
    row = news.row
    with transaction.atomic():
        done(news.claims)
        found = Contact.untracked.select_for_update().filter(remote_id=row.id)
        pks = list(found.values_list("pk", flat=True))
        if row.unsubscribed is True:
            # Told together with the end: the address keeps it.
            Contact.untracked.filter(pk__in=pks).update(unsubscribed=True)
        if not pks:
            _remember(news)
        elif news.deleted or not _would_be_too_many():
            bury(pks)
        else:
            remark(news.claims, LEFT_TO_THE_SWEEP)


def _remember(news: News) -> None:
    """Nobody here has it, but an older event may come later and must not bring it back."""
    row, now = news.row, timezone.now()
    if not Tombstone.objects.filter(kind=Kind.CONTACT, remote_id=row.id).exists():
        Tombstone.objects.create(
            kind=Kind.CONTACT,
            object_id=0,
            remote_id=row.id,
            email=row.email,
            email_key=email_key(row.email),
            origin=Tombstone.Origin.REMOTE,
            unsubscribed=row.unsubscribed is True,
            deleted_at=now,
            settled_at=now,
        )


def _would_be_too_many() -> bool:
    since = timezone.now() - GUARDED_FOR
    buried = Tombstone.objects.filter(
        kind=Kind.CONTACT, origin=Tombstone.Origin.REMOTE, deleted_at__gt=since
    ).count()
    return is_mass_deletion(buried + 1, Contact.untracked.count() + buried)


class _Known:
    """What is here of the contacts that some news are about. Three queries."""

    def __init__(self, news: Sequence[News]) -> None:
        rows = [one.row for one in news]
        ids = [row.id for row in rows]
        keys = [email_key(row.email) for row in rows]
        self._by_id: dict[str, Contact] = {}
        self._by_key: dict[str, Contact] = {}
        found = Contact.untracked.filter(Q(remote_id__in=ids) | Q(email_key__in=keys))
        for contact in found:
            self._by_key[contact.email_key] = contact
            if contact.remote_id:
                self._by_id[contact.remote_id] = contact
        graves = Tombstone.objects.filter(kind=Kind.CONTACT, remote_id__in=ids)
        settled = graves.order_by("deleted_at").values_list("remote_id", "settled_at")
        self._buried = {id: settled_at is not None for id, settled_at in settled}
        self.list_read = last_list_read()

    def verdict(self, news: News) -> Verdict:
        row = news.row
        contact = self._by_id.get(row.id)
        if contact is None:
            return self._of_unknown(news, row)
        if news.deleted:
            return "ask"
        newest = moment(contact.raw.get("updated_at"))
        if newest is not None and news.at is not None and news.at < newest:
            return "nothing"
        told = remote_contact(row)
        if _is_in(told, contact.base or {}):
            is_echo = news.at == newest or not is_newer(news.at, contact.pushed_at)
            is_known = is_echo or is_covered(news.at, contact.deep_checked_at)
            return "nothing" if is_known else "apply"
        seen = (contact.pushed_at, contact.deep_checked_at, self.list_read)
        is_sure = is_newer(news.at, *seen) and news.at != newest and not news.tied
        return "apply" if is_sure and not _takes_away(told, contact) else "ask"

    def _of_unknown(self, news: News, row: ContactRow) -> Verdict:
        """A stranger, unless its address is known here under another id or none."""
        if row.id in self._buried and (news.deleted or not self._buried[row.id]):
            return "nothing"
        if row.id in self._buried or news.deleted or news.tied:
            return "ask"
        namesake = self._by_key.get(email_key(row.email))
        if namesake is not None:
            is_our_own = namesake.remote_id is None and bool(namesake.in_flight)
            return "apply" if is_our_own else "ask"
        return "apply" if is_newer(news.at, self.list_read) else "ask"


def _is_in(told: Mapping[str, Any], base: Mapping[str, Any]) -> bool:
    """Whether all that was told is what both sides have agreed on already."""
    if email_key(told["email"]) != email_key(str(base.get("email", ""))):
        return False
    return all(name in base and base[name] == told[name] for name in told if name != "email")


def _takes_away(told: Mapping[str, Any], contact: Contact) -> bool:
    """Opt-ins, and names told as null, aren't believed without asking."""
    base = contact.base or {}
    opts_in = told.get("unsubscribed") is False and (
        contact.unsubscribed or base.get("unsubscribed") is True
    )
    return opts_in or any(
        told.get(name) == "" and base.get(name) for name in ("first_name", "last_name")
    )
