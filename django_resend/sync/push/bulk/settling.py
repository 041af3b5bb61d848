"""Give the contacts of a finished import back: what is proved counts as agreed on."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from ....models import (
    ConsentRecord,
    Contact,
    ContactImport,
    ImportEntry,
    Kind,
    OutboxEntry,
    SegmentMembership,
    Subscription,
    Tombstone,
    Topic,
    TopicSubscription,
)
from ....models.batches import rewrite
from ..contacts import advanced
from .held import IMPORT_LEASE, Held, drop, hold_fast, renew, spare_addresses
from .sending import entries
from .work import Work, read_work

Job = ContactImport.Job

OPT_INS_AT_ONCE = 100_000
"""Addresses in one file of opt-ins, the longest of which fill half of what a file may be."""


class Settlement:
    """Settles one import. A constant number of queries for each 1,000 contacts."""

    def __init__(self, job: ContactImport, run: int) -> None:
        self._job = job
        self._run = run
        self._opt_ins: dict[frozenset[str], ContactImport] = {}
        self.done = 0

    def settle(self) -> int:
        """Returns how many contacts need nothing more."""
        for rows in entries(self._job):
            with transaction.atomic():
                renew(ContactImport.objects.filter(pk=self._job.pk))
                if self._job.verdict.get("proved"):
                    self._settle(hold_fast(rows))
                else:
                    drop(rows, sent=True)
        if not self._job.entries.exists():
            self._job.state = ContactImport.State.DONE
            self._job.save(update_fields=["state"])
        return self.done

    def _settle(self, held: Held) -> None:
        if self._job.job == Job.CREATE:
            self._link_moved(held)
        proved = [row for row in held.rows if self._is_proved(row, held)]
        self._confirm([row.contact_id for row in proved], held, proved)
        works = read_work([row.contact_id for row in held.rows])
        followed = self._opt_in(proved, works)
        if self._job.job == Job.CREATE:
            self._bury(held)
        finished = [row for row in held.rows if row.pk not in followed]
        self._finish(finished, works, held)

    def _link_moved(self, held: Held) -> None:
        """Who was given another address here meanwhile was created under the one in the file."""
        moved = {
            row.remote_id: row
            for row in held.rows
            if row.fresh
            and (contact := held.contacts.get(row.contact_id))
            and contact.remote_id is None
            and contact.email_key != row.email_key
        }
        linked = Contact.untracked.filter(remote_id__in=moved)
        for remote_id in linked.values_list("remote_id", flat=True):
            del moved[str(remote_id)]
        for remote_id, row in moved.items():
            contact = held.contacts[row.contact_id]
            contact.remote_id, contact.base = remote_id, row.sent
        rewrite([held.contacts[row.contact_id] for row in moved.values()], ["remote_id", "base"])

    def _is_proved(self, row: ImportEntry, held: Held) -> bool:
        contact = held.contacts.get(row.contact_id)
        if contact is None or contact.remote_id != row.remote_id:
            return False
        if self._job.job != Job.CREATE:
            return not row.fresh
        base = contact.base or {}
        same = all(base.get(name) == row.sent[name] for name in _SHOWN_IN_LISTS)
        return row.fresh and same

    def _confirm(self, pks: Sequence[int], held: Held, proved: Sequence[ImportEntry]) -> None:
        now = timezone.now()
        moved = []
        for row in proved:
            contact = held.contacts[row.contact_id]
            sent = {name: value for name, value in row.sent.items() if name != "email"}
            if sent:
                contact.base = advanced(contact.base or {}, sent)
                moved.append(contact)
        rewrite(moved, ["base"])
        Contact.untracked.filter(pk__in=pks).update(in_flight=None, pushed_at=now)
        SegmentMembership.untracked.filter(
            contact__in=pks, segment__remote_id__in=self._job.segments, confirmed_at=None
        ).update(confirmed_at=now)
        choices = TopicSubscription.untracked.filter(contact__in=pks)
        if self._job.verdict.get("topics"):
            for choice in set(self._job.topics.values()):
                told = [topic for topic, made in self._job.topics.items() if made == choice]
                choices.filter(topic__remote_id__in=told).update(base=choice)
        if self._job.job == Job.CREATE:
            # Who was made without a choice has the topic's default.
            by_default = choices.filter(
                base="",
                subscription=Subscription.OPT_IN,
                topic__default_subscription=Subscription.OPT_IN,
                topic__remote_id__isnull=False,
            )
            by_default.update(base=Subscription.OPT_IN)
        self._use_consents(pks)

    def _use_consents(self, pks: Sequence[int]) -> None:
        """The opt-ins recorded before the file was written reached Resend with it."""
        if self._job.job == Job.CHANGE:
            return
        records = ConsentRecord.objects.filter(
            contact_id__in=pks, used_at=None, recorded_at__lte=self._job.prepared_at
        )
        if self._job.job == Job.CREATE:
            later = Topic.untracked.filter(default_subscription=Subscription.OPT_OUT)
            records = records.exclude(topic_id__in=list(later.values_list("pk", flat=True)))
        else:
            records = records.filter(topic_remote_id__in=list(self._job.topics))
        records.update(used_at=timezone.now())

    def _opt_in(self, proved: Sequence[ImportEntry], works: dict[int, Work]) -> set[int]:
        """Let those whom this import made follow in one that opts them in; returns these rows."""
        if self._job.job != Job.CREATE:
            return set()
        following = []
        for row in proved:
            topics = frozenset(works[row.contact_id].opt_ins)
            if topics:
                row.contact_import = self._following(topics)
                row.sent = {"email": row.sent["email"]}
                row.fresh = False
                following.append(row)
        rewrite(following, ["contact_import", "sent", "fresh"])
        return {row.pk for row in following}

    def _following(self, topics: frozenset[str]) -> ContactImport:
        job = self._opt_ins.get(topics)
        if job is None or job.rows >= OPT_INS_AT_ONCE:
            job = self._opt_ins[topics] = ContactImport.objects.create(
                job=Job.OPT_IN,
                topics=dict.fromkeys(sorted(topics), str(Subscription.OPT_IN)),
                run=self._run,
                leased_until=timezone.now() + IMPORT_LEASE,
            )
        job.rows += 1
        return job

    def _bury(self, held: Held) -> None:
        """Those deleted here meanwhile: delete at Resend whom this import made, and nobody else."""
        made = {row.contact_id: row.remote_id for row in held.gone if row.fresh}
        linked = Contact.untracked.filter(remote_id__in=list(made.values()))
        others = set(linked.values_list("remote_id", flat=True))
        made = {pk: id for pk, id in made.items() if id not in others}
        spare_addresses([row for row in held.gone if row.contact_id not in made])
        doomed = [entry for pk, entry in held.outbox.items() if pk in made and entry.is_deletion]
        for entry in doomed:
            entry.remote_id = made[entry.object_id]
        OutboxEntry.objects.bulk_update(doomed, ["remote_id"])
        graves = list(
            Tombstone.objects.filter(
                kind=Kind.CONTACT, object_id__in=made, remote_id="", settled_at=None
            )
        )
        for grave in graves:
            grave.remote_id = made[grave.object_id]
        Tombstone.objects.bulk_update(graves, ["remote_id"])

    def _finish(self, rows: Sequence[ImportEntry], works: dict[int, Work], held: Held) -> None:
        done = [row for row in rows if row.contact_id in works and works[row.contact_id].is_done]
        entries = OutboxEntry.objects.filter(
            pk__in=[
                held.outbox[row.contact_id].pk for row in done if row.contact_id in held.outbox
            ],
            token__in=[row.token for row in done],
            lease=None,
        )
        removed, _ = entries.delete()
        self.done += removed
        held.give_back(rows)


_SHOWN_IN_LISTS = ("first_name", "last_name", "unsubscribed")
