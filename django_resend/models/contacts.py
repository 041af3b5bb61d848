"""Contacts, and the consent rules that no way of writing them can pass by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models, transaction
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Left, Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .batches import BATCH_ROWS, batches, locked, rewrite
from .burial import Departed, bury_contacts, remember_addresses
from .consent import ConsentError, ConsentRecord
from .definitions import Segment, Subscription, Topic
from .keys import email_key
from .links import TopicSubscription
from .mirrored import Mirrored, MirrorQuerySet
from .outbox import Kind, OutboxEntry
from .suppressions import Suppression

NAME_KEY_LENGTH = 80
"""So many characters of a name can be searched for."""


def _name_key(name: str) -> models.GeneratedField:
    """A name folded by the database itself, for a search by its beginning."""
    return models.GeneratedField(
        expression=Lower(Left(name, NAME_KEY_LENGTH)),
        output_field=models.CharField(max_length=NAME_KEY_LENGTH),
        db_persist=True,
        db_index=True,
    )


def _resubscribe_hint() -> ConsentError:
    return ConsentError(
        "This person has unsubscribed. To opt them in again, call "
        "contact.resubscribe(by=..., reason=...): it records who did it and why."
    )


def _take_back(waiting: Iterable[Contact], *, using: str) -> None:
    """They opt out again before Resend heard of their opt-in.

    The agreement on the opt-out before it is forgotten: it would make an opt-in at Resend look
    newer than this one.
    """
    rows = list(waiting)
    for contact in rows:
        contact.base = {k: v for k, v in (contact.base or {}).items() if k != "unsubscribed"}
    rewrite(rows, ["base"], using=using)


class ContactQuerySet(MirrorQuerySet["Contact"]):
    def _write(self, pks: Sequence[int], changes: dict[str, Any]) -> int:
        rows = self.model.untracked.using(self.db).filter(pk__in=pks)
        if "email" in changes:
            self.model.remember_opt_outs(rows, using=self.db)
        if "unsubscribed" not in changes:
            return super()._write(pks, changes)
        opted_out = list(rows.filter(unsubscribed=True).values_list("pk", flat=True))
        waiting = list(self.model.waiting_opt_ins(rows))
        updated = super()._write(pks, changes)
        now_out = set(rows.filter(unsubscribed=True).values_list("pk", flat=True))
        if not now_out.issuperset(opted_out):
            raise _resubscribe_hint()
        _take_back([one for one in waiting if one.pk in now_out], using=self.db)
        return updated

    def bulk_create(self, objs: Iterable[Contact], *args: Any, **kwargs: Any) -> list[Contact]:
        if kwargs.get("update_conflicts"):
            raise NotImplementedError(
                "Contact.objects.bulk_create does not update; bulk_update does."
            )
        return super().bulk_create(objs, *args, **kwargs)

    def for_address(self, address: str) -> Self:
        """The contact with this address, whatever its letter case."""
        return self.filter(email_key=email_key(address))

    def with_suppression(self) -> Self:
        """Each contact with ``suppressed_at`` and ``suppression_origin``, ``None`` for neither."""
        told = Suppression.objects.filter(
            email_key=OuterRef("email_key"), suppressed_at__isnull=False
        )
        return self.annotate(
            suppressed_at=Subquery(told.values("suppressed_at")),
            suppression_origin=Subquery(told.values("origin")),
        )

    def suppressed(self) -> Self:
        """Those to whose address Resend sends nothing, for example after a bounce."""
        told = Suppression.objects.filter(suppressed_at__isnull=False)
        return self.filter(email_key__in=told.values("email_key"))


class Contact(Mirrored):
    """A person at one address. One row an address, whatever its letter case.

    ``properties`` is a plain dict, key to text or number; the keys are those of
    ``ContactProperty``. Setting ``unsubscribed`` is one assignment; taking it back needs
    ``resubscribe``.
    """

    class Attention(models.TextChoices):
        RECALLED = "recalled", _("opted out again: this address had opted out before")
        HELD = "held", _("opted in at Resend: waits for a person")
        UNLINKED = "unlinked", _("not linked: its contact at Resend has another address")

    kind = Kind.CONTACT
    watched = frozenset({"email", "first_name", "last_name", "unsubscribed", "properties"})

    email = models.EmailField(_("e-mail address"), max_length=320)
    email_key = models.CharField(max_length=255, unique=True, editable=False)
    first_name = models.TextField(_("first name"), blank=True, default="")
    last_name = models.TextField(_("last name"), blank=True, default="")
    first_key = _name_key("first_name")
    last_key = _name_key("last_name")
    unsubscribed = models.BooleanField(
        _("unsubscribed"),
        default=False,
        help_text=_("From all broadcasts, whatever the topics say."),
    )
    properties = models.JSONField(_("properties"), default=dict, blank=True)
    attention = models.CharField(
        _("needs attention"),
        max_length=16,
        choices=Attention.choices,
        blank=True,
        default="",
        editable=False,
    )
    deep_checked_at = models.DateTimeField(
        _("properties and topics last read at"), null=True, editable=False
    )
    seen_at = models.DateTimeField(null=True, editable=False)
    """When a webhook's news of it were taken in: a list read before that may be older."""

    segments = models.ManyToManyField(
        Segment, through="SegmentMembership", related_name="contacts", verbose_name=_("segments")
    )
    topics = models.ManyToManyField(
        Topic, through="TopicSubscription", related_name="contacts", verbose_name=_("topics")
    )

    objects: ClassVar[Any] = models.Manager.from_queryset(ContactQuerySet)()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [
            models.Index(fields=["unsubscribed", "id"], name="resend_contact_unsub"),
            models.Index(fields=["deep_checked_at", "id"], name="resend_contact_deep"),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip()
        try:
            validate_email(self.email)
        except ValidationError as error:
            raise ValidationError({"email": error}) from error
        others = Contact.objects.exclude(pk=self.pk)
        if others.for_address(self.email).exists():
            raise ValidationError({"email": _("Another contact has this address.")})
        if not isinstance(self.properties, dict):
            raise ValidationError({"properties": _("Write an object of keys and values.")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save and record the change.

        Raises ``ConsentError`` where it would take back an opt-out.
        """
        self.email_key = email_key(self.email)
        super().save(*args, **kwargs)

    save.alters_data = True  # type: ignore[attr-defined]

    def before_save(self, changed: frozenset[str], *, using: str) -> None:
        super().before_save(changed, using=using)
        if "email" in changed and not self._state.adding:
            self.remember_opt_outs(Contact.untracked.using(using).filter(pk=self.pk), using=using)
        if "unsubscribed" not in changed:
            return
        if self.unsubscribed:
            if (self.base or {}).get("unsubscribed"):
                mine = Contact.untracked.using(using).filter(pk=self.pk).select_for_update()
                _take_back(self.waiting_opt_ins(mine), using=using)
            return
        loaded = getattr(self, "_loaded", None)
        if loaded is None and self.pk is not None:
            stored = Contact.untracked.using(using).filter(pk=self.pk, unsubscribed=True).exists()
        else:
            stored = bool(loaded and loaded.get("unsubscribed"))
        if stored:
            raise _resubscribe_hint()

    @classmethod
    def waiting_opt_ins(cls, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Those of these who opted in again here, of which Resend doesn't know yet."""
        return rows.filter(unsubscribed=False, base__unsubscribed=True)

    def resubscribe(self, *, by: str, reason: str) -> None:
        """Opt this person in again, globally; who did it and why is kept for good.

        Raises ``ValueError`` when ``by`` or ``reason`` is empty.
        """
        using = self._state.db
        with transaction.atomic(using=using):
            self._log_opt_in(by, reason, topic=None)
            Contact.untracked.using(using).filter(pk=self.pk).update(unsubscribed=False)
            self.unsubscribed = False
            self._loaded["unsubscribed"] = None
            self.save(using=using, update_fields=["unsubscribed", "updated_at"])
            self.acknowledge()

    def opt_in(self, topic: Topic, *, by: str, reason: str) -> TopicSubscription:
        """Opt this person in to a topic, also after an opt-out; who and why is kept for good.

        Raises ``ValueError`` when ``by`` or ``reason`` is empty.
        """
        with transaction.atomic(using=self._state.db):
            self._log_opt_in(by, reason, topic=topic)
            self.acknowledge()
            choice = TopicSubscription.store_choice(self, topic, Subscription.OPT_IN)
            if topic.default_subscription == Subscription.OPT_OUT:
                # Resend may list the default as if it had been chosen: without a base that would
                # be taken for an opt-out that nobody made, and would win.
                rows = TopicSubscription.untracked.using(self._state.db).filter(pk=choice.pk)
                there = Q(contact__remote_id__isnull=False) | Q(contact__in_flight__isnull=False)
                rows.filter(there, base="").update(base=Subscription.OPT_OUT)
                choice.refresh_from_db()
            return choice

    def keep_opted_out(self) -> None:
        """Answer an opt-in that was held: the opt-outs stand, and Resend is told so."""
        using = self._state.db
        with transaction.atomic(using=using):
            stored = Contact.untracked.using(using).select_for_update().get(pk=self.pk)
            base = {k: v for k, v in (stored.base or {}).items() if k != "unsubscribed"}
            Contact.untracked.using(using).filter(pk=self.pk).update(base=base)
            opt_outs = TopicSubscription.untracked.using(using).filter(
                contact=self, subscription=Subscription.OPT_OUT
            )
            # Unknown again: so the next push asks Resend and sends what differs.
            opt_outs.update(base="", changed_at=timezone.now())
            OutboxEntry.objects.record(Kind.CONTACT, [self.pk], using=using)
            self.acknowledge()

    def acknowledge(self) -> None:
        """A person has seen what needed attention."""
        Contact.untracked.using(self._state.db).filter(pk=self.pk).update(attention="")
        self.attention = ""

    def opt_out(self, topic: Topic) -> TopicSubscription:
        """Opt this person out of a topic."""
        return TopicSubscription.store_choice(self, topic, Subscription.OPT_OUT)

    def _log_opt_in(self, by: str, reason: str, *, topic: Topic | None) -> None:
        if not by.strip() or not reason.strip():
            raise ValueError("Say who opts this person in again (by=) and why (reason=).")
        ConsentRecord.objects.using(self._state.db).create(
            contact_id=self.pk,
            email=self.email,
            email_key=self.email_key,
            topic_id=topic.pk if topic else None,
            topic_remote_id=(topic.remote_id or "") if topic else "",
            topic_name=topic.name if topic else "",
            by=by,
            reason=reason,
        )

    @classmethod
    def companions(cls, changed: Collection[str]) -> frozenset[str]:
        return frozenset({"email_key"}) if "email" in changed else frozenset()

    @classmethod
    def completed(cls, changes: dict[str, Any]) -> dict[str, Any]:
        if "email" not in changes or "email_key" in changes:
            return changes
        if not isinstance(changes["email"], str):
            raise NotImplementedError("Change addresses with save() or bulk_update().")
        return {**changes, "email_key": email_key(changes["email"])}

    @classmethod
    def complete(cls, rows: Iterable[Any]) -> None:
        for row in rows:
            row.email_key = email_key(row.email)

    @classmethod
    def stored_pks(cls, rows: Sequence[Contact], *, using: str) -> list[int]:
        pks: list[int] = []
        for batch in batches(rows):
            keys = [row.email_key for row in batch]
            found = cls.untracked.using(using).filter(email_key__in=keys)
            pks.extend(found.values_list("pk", flat=True))
        return pks

    @classmethod
    def bury(cls, rows: models.QuerySet[Any], *, using: str) -> None:
        for departed in cls._departed(rows, using=using):
            bury_contacts(departed, using=using)

    @classmethod
    def remember_opt_outs(cls, rows: models.QuerySet[Any], *, using: str) -> None:
        """Before these contacts leave their addresses: keep what those had opted out of."""
        for departed in cls._departed(rows, using=using):
            remember_addresses(departed, using=using)

    @classmethod
    def _departed(cls, rows: models.QuerySet[Any], *, using: str) -> Iterator[list[Departed]]:
        fields = ("pk", "remote_id", "email", "email_key", "unsubscribed", "in_flight")
        for batch in batches(locked(cls.untracked, rows, using=using).values(*fields), BATCH_ROWS):
            opt_outs = TopicSubscription.opt_outs([row["pk"] for row in batch], using=using)
            yield [Departed(row, opt_outs.get(row["pk"], [])) for row in batch]
