"""What ties contacts to segments and topics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .batches import BATCH_ROWS, Deleted, batches, locked
from .consent import ConsentError
from .definitions import Segment, Subscription, Topic
from .outbox import Kind, OutboxEntry

if TYPE_CHECKING:
    from .contacts import Contact

Pair = tuple[int, int]
"""Local keys of a contact and a segment (or a topic)."""


class MembershipQuerySet(models.QuerySet["SegmentMembership"]):
    """Adding and removing members, also through ``contact.segments``, reaches the outbox."""

    def bulk_create(  # type: ignore[override]
        self, objs: Iterable[SegmentMembership], **kwargs: Any
    ) -> list[SegmentMembership]:
        """Insert the pairs that aren't there yet."""
        kwargs = {"batch_size": BATCH_ROWS, **kwargs, "ignore_conflicts": True}
        rows = list(objs)
        with transaction.atomic(using=self.db, savepoint=False):
            for batch in batches(rows):
                MembershipRemoval.take_back(batch, using=self.db)
            created = super().bulk_create(rows, **kwargs)
            contacts = dict.fromkeys(row.contact_id for row in rows)
            OutboxEntry.objects.record(Kind.CONTACT, contacts, using=self.db)
        return created

    def delete(self) -> Deleted:
        with transaction.atomic(using=self.db, savepoint=False):
            contacts: dict[int, None] = {}
            rows = locked(SegmentMembership.untracked, self, using=self.db)
            for batch in batches(rows.iterator(BATCH_ROWS)):
                MembershipRemoval.ask(batch, using=self.db)
                contacts.update(dict.fromkeys(row.contact_id for row in batch))
            OutboxEntry.objects.record(Kind.CONTACT, contacts, using=self.db)
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class SegmentMembership(models.Model):
    """A contact's place in a segment.

    ``confirmed_at`` is set once Resend is known to have it, ``sent_at`` when it may have.
    """

    contact = models.ForeignKey(
        "django_resend.Contact", on_delete=models.CASCADE, verbose_name=_("contact")
    )
    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("segment")
    )
    sent_at = models.DateTimeField(null=True, editable=False)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, editable=False)

    objects: ClassVar[Any] = models.Manager.from_queryset(MembershipQuerySet)()
    untracked: ClassVar[models.Manager[SegmentMembership]] = models.Manager()

    class Meta:
        verbose_name = _("segment membership")
        verbose_name_plural = _("segment memberships")
        constraints = [
            models.UniqueConstraint(fields=["contact", "segment"], name="resend_member_once"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} / {self.segment_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using, savepoint=False):
            if self._state.adding:
                MembershipRemoval.take_back([self], using=using)
            else:
                _keep_pair(self, segment_id=self.segment_id, using=using)
            super().save(*args, **kwargs)
            OutboxEntry.objects.record(Kind.CONTACT, [self.contact_id], using=using)

    save.alters_data = True  # type: ignore[attr-defined]

    def delete(self, using: str | None = None, keep_parents: bool = False) -> Deleted:
        alias = using or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=alias, savepoint=False):
            mine = SegmentMembership.untracked.using(alias).filter(pk=self.pk)
            MembershipRemoval.ask(list(mine.select_for_update()), using=alias)
            OutboxEntry.objects.record(Kind.CONTACT, [self.contact_id], using=alias)
            return super().delete(using=using, keep_parents=keep_parents)

    delete.alters_data = True  # type: ignore[attr-defined]

    @property
    def pair(self) -> Pair:
        return self.contact_id, self.segment_id


class MembershipRemoval(models.Model):
    """A membership that was taken away here and that Resend has, or may have, still.

    ``confirmed_at`` is the membership's own; ``sent_at`` is set when the removal may have
    reached Resend.
    """

    contact = models.ForeignKey("django_resend.Contact", on_delete=models.CASCADE, related_name="+")
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="+")
    sent_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("membership removal")
        verbose_name_plural = _("membership removals")
        constraints = [
            models.UniqueConstraint(fields=["contact", "segment"], name="resend_removal_once"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} / {self.segment_id}"

    @classmethod
    def ask(cls, members: Sequence[SegmentMembership], *, using: str) -> None:
        """Before these memberships go: keep what must still be removed at Resend."""
        MembershipRemoval.objects.using(using).bulk_create(
            [
                MembershipRemoval(
                    contact_id=m.contact_id, segment_id=m.segment_id, confirmed_at=m.confirmed_at
                )
                for m in members
                if m.sent_at or m.confirmed_at
            ],
            ignore_conflicts=True,
        )

    @classmethod
    def take_back(cls, members: Sequence[SegmentMembership], *, using: str) -> None:
        """Before these memberships are inserted: forget their removals.

        A removal that was never sent leaves the membership confirmed as it was.
        """
        found = {
            (removal.contact_id, removal.segment_id): removal
            for removal in cls.objects.using(using)
            .select_for_update()
            .filter(
                contact_id__in={m.contact_id for m in members},
                segment_id__in={m.segment_id for m in members},
            )
        }
        taken = [found[member.pair] for member in members if member.pair in found]
        for member in members:
            removal = found.get(member.pair)
            if removal is not None and removal.sent_at is None:
                member.confirmed_at = removal.confirmed_at
                member.sent_at = removal.confirmed_at
        if taken:
            cls.objects.using(using).filter(pk__in=[removal.pk for removal in taken]).delete()


def _keep_pair(row: SegmentMembership | TopicSubscription, *, using: str, **other: int) -> None:
    """Raise ``ValueError`` where a stored row is about to be given to another pair."""
    stored = type(row).untracked.using(using).filter(pk=row.pk)
    if not stored.filter(contact_id=row.contact_id, **other).exists():
        raise ValueError("This row belongs to another pair; create one for the new pair instead.")


def _opt_in_hint() -> ConsentError:
    return ConsentError(
        "This person opted out of the topic. To opt them in again, call "
        "contact.opt_in(topic, by=..., reason=...): it records who did it and why."
    )


def _no_way_back() -> ConsentError:
    return ConsentError(
        "Resend can't forget a choice. Use contact.opt_out(topic) or contact.opt_in(topic, ...)."
    )


OPT_IN_WAITS = (Subscription.OPT_IN, Subscription.OPT_OUT)
"""Choice and base of an explicit opt-in that Resend doesn't have yet. When it is taken back, the
agreement on the opt-out before it is forgotten: it would make an opt-in at Resend look newer.
"""


class SubscriptionQuerySet(models.QuerySet["TopicSubscription"]):
    def update(self, **changes: Any) -> int:
        if "subscription" not in changes:
            return super().update(**changes)
        with transaction.atomic(using=self.db, savepoint=False):
            rows = locked(TopicSubscription.untracked, self, using=self.db)
            before = list(rows.values_list("pk", "contact_id", "subscription", "base"))
            updated = sum(
                models.QuerySet.update(self.filter(pk__in=pks), **changes)
                for pks in batches(pk for pk, *_ in before)
            )
            opted_out = [pk for pk, _, choice, _ in before if choice == Subscription.OPT_OUT]
            waited = [pk for pk, _, *state in before if tuple(state) == OPT_IN_WAITS]
            for pks in batches(opted_out):
                stored = TopicSubscription.untracked.using(self.db).filter(pk__in=pks)
                if stored.exclude(subscription=Subscription.OPT_OUT).exists():
                    raise _opt_in_hint()
            for pks in batches(waited):
                stored = TopicSubscription.untracked.using(self.db).filter(pk__in=pks)
                stored.filter(subscription=Subscription.OPT_OUT).update(base="")
            contacts = dict.fromkeys(contact for _, contact, *_ in before)
            OutboxEntry.objects.record(Kind.CONTACT, contacts, using=self.db)
        return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(  # type: ignore[override]
        self, objs: Iterable[TopicSubscription], **kwargs: Any
    ) -> list[TopicSubscription]:
        """Insert the choices that aren't there yet; a choice already made stays as it is."""
        kwargs = {"batch_size": BATCH_ROWS, **kwargs, "ignore_conflicts": True}
        rows = list(objs)
        with transaction.atomic(using=self.db, savepoint=False):
            created = super().bulk_create(rows, **kwargs)
            contacts = dict.fromkeys(row.contact_id for row in rows)
            OutboxEntry.objects.record(Kind.CONTACT, contacts, using=self.db)
        return created

    def delete(self) -> Deleted:
        raise _no_way_back()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class TopicSubscription(models.Model):
    """A contact's explicit choice for a topic; without a row the topic's default holds.

    ``base`` is the choice both sides are known to have agreed on, empty before that. ``told_at`` is
    Resend's time of the newest webhook about it.
    """

    contact = models.ForeignKey(
        "django_resend.Contact", on_delete=models.CASCADE, verbose_name=_("contact")
    )
    topic = models.ForeignKey(
        Topic, on_delete=models.CASCADE, related_name="subscriptions", verbose_name=_("topic")
    )
    subscription = models.CharField(
        _("subscription"),
        max_length=16,
        choices=Subscription.choices,
        default=Subscription.OPT_IN,
    )
    base = models.CharField(max_length=16, blank=True, default="", editable=False)
    changed_at = models.DateTimeField(_("changed at"), default=timezone.now, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[Any] = models.Manager.from_queryset(SubscriptionQuerySet)()
    untracked: ClassVar[models.Manager[TopicSubscription]] = models.Manager()

    class Meta:
        verbose_name = _("topic subscription")
        verbose_name_plural = _("topic subscriptions")
        constraints = [
            models.UniqueConstraint(fields=["contact", "topic"], name="resend_topic_once"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} / {self.topic_id}: {self.subscription}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save and record the change. Raises ``ConsentError`` where it would undo an opt-out."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using, savepoint=False):
            if not self._state.adding:
                _keep_pair(self, topic_id=self.topic_id, using=using)
            stored = TopicSubscription.untracked.using(using).filter(pk=self.pk)
            states = list(stored.select_for_update().values_list("subscription", "base"))
            opts_out = self.subscription == Subscription.OPT_OUT
            if not opts_out and any(choice == Subscription.OPT_OUT for choice, _ in states):
                raise _opt_in_hint()
            super().save(*args, **kwargs)
            if opts_out and OPT_IN_WAITS in states:
                stored.update(base="")
                self.base = ""
            OutboxEntry.objects.record(Kind.CONTACT, [self.contact_id], using=using)

    save.alters_data = True  # type: ignore[attr-defined]

    def delete(self, using: str | None = None, keep_parents: bool = False) -> Deleted:
        raise _no_way_back()

    delete.alters_data = True  # type: ignore[attr-defined]

    @classmethod
    def store_choice(
        cls, contact: Contact, topic: Topic, choice: Subscription
    ) -> TopicSubscription:
        """Write a choice whatever it was before. Opting in goes through ``Contact.opt_in``."""
        using = router.db_for_write(cls, instance=contact)
        with transaction.atomic(using=using, savepoint=False):
            rows = cls.untracked.using(using).filter(contact=contact, topic=topic)
            if choice == Subscription.OPT_OUT:
                opted_in, base = OPT_IN_WAITS
                rows.filter(subscription=opted_in, base=base).update(base="")
            if not rows.update(subscription=choice, changed_at=timezone.now()):
                new = cls(contact=contact, topic=topic, subscription=choice)
                cls.untracked.using(using).bulk_create([new])
            OutboxEntry.objects.record(Kind.CONTACT, [contact.pk], using=using)
            return rows.get()

    @classmethod
    def opt_outs(cls, contacts: Sequence[int], *, using: str) -> dict[int, list[str]]:
        """The topics, by Resend's id, that each of these contacts opted out of."""
        found = defaultdict[int, list[str]](list)
        rows = cls.untracked.using(using).filter(
            contact_id__in=contacts, subscription=Subscription.OPT_OUT
        )
        for contact_id, remote_id in rows.values_list("contact_id", "topic__remote_id"):
            if remote_id:
                found[contact_id].append(remote_id)
        return dict(found)
