"""What all mirrored objects share: their link to Resend, and the way their changes are recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar, Self, TypeVar

from django.db import models, router, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .batches import Deleted, batches, locked
from .burial import bury_definitions
from .outbox import Kind, OutboxEntry

M = TypeVar("M", bound="Mirrored")


class MirrorQuerySet(models.QuerySet[M]):
    """A queryset whose bulk writes reach the outbox."""

    def update(self, **changes: Any) -> int:
        watched = [name for name in changes if name in self.model.watched]
        if not watched:
            return super().update(**changes)
        completed = self.model.completed(changes)
        with transaction.atomic(using=self.db, savepoint=False):
            rows = locked(self.model.untracked, self, using=self.db)
            pks = list(rows.values_list("pk", flat=True))
            # By key: a row that others let match meanwhile would change without its entry.
            updated = sum(self._write(batch, completed) for batch in batches(pks))
            OutboxEntry.objects.record(self.model.kind, pks, using=self.db)
        return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def _write(self, pks: Sequence[int], changes: dict[str, Any]) -> int:
        """Update these rows, which are locked."""
        return models.QuerySet.update(self.filter(pk__in=pks), **changes)

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        rows = list(objs)
        self.model.complete(rows)
        with transaction.atomic(using=self.db, savepoint=False):
            created = super().bulk_create(rows, *args, **kwargs)
            pks = [row.pk for row in created if row.pk is not None]
            if len(pks) < len(created):
                pks = self.model.stored_pks(created, using=self.db)
            OutboxEntry.objects.record(self.model.kind, pks, using=self.db)
        return created

    def bulk_update(
        self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        rows, names = list(objs), frozenset(fields)
        self.model.complete(rows)
        return super().bulk_update(
            rows, names | self.model.companions(names), batch_size=batch_size
        )

    def delete(self) -> Deleted:
        with transaction.atomic(using=self.db, savepoint=False):
            self.model.bury(self, using=self.db)
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def with_outbox(self) -> Self:
        """Each row with ``outbox_state``: the state of its outbox entry, ``None`` when in step."""
        entry = OutboxEntry.objects.filter(kind=self.model.kind, object_id=OuterRef("pk"))
        return self.annotate(outbox_state=Subquery(entry.values("state")[:1]))


class Mirrored(models.Model):
    """An object that stands for one at Resend.

    ``base`` is the last state both sides are known to have agreed on, ``None`` before the first
    agreement. ``in_flight`` holds what is being sent, so that a lost answer can be told from
    someone else's change.
    """

    kind: ClassVar[Kind]
    name_field: ClassVar[str] = "name"
    watched: ClassVar[frozenset[str]]
    """The fields that belong to the site; their change is news for Resend."""

    fixed: ClassVar[frozenset[str]] = frozenset()
    """Those of them that can't change any more once the object exists at Resend."""

    remote_id = models.CharField(
        _("Resend id"), max_length=64, null=True, blank=True, unique=True, editable=False
    )
    remote_created_at = models.DateTimeField(_("created at Resend"), null=True, editable=False)
    base = models.JSONField(null=True, editable=False)
    in_flight = models.JSONField(null=True, editable=False)
    raw = models.JSONField(_("as last seen at Resend"), default=dict, editable=False)
    pushed_at = models.DateTimeField(_("last pushed at"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    untracked: ClassVar[models.Manager[Any]] = models.Manager()
    """Its querysets' writes stay out of the outbox: for what comes from Resend only."""

    class Meta:
        abstract = True

    _loaded: dict[str, Any]
    _unsettled: frozenset[str] = frozenset()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and record the change in the outbox in the same transaction.

        An instance that came from the database writes only the fields that differ from what was
        loaded: a stale copy can't undo what a pull or another request wrote since.
        """
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        named = kwargs.get("update_fields")
        if named is None and (self._state.adding or args or kwargs.get("force_insert")):
            changed = self.watched
        else:
            fields = frozenset({*self.watched, "updated_at"} if named is None else named)
            changed = self.changed_fields() & fields
            kwargs["update_fields"] = (fields - self.watched) | changed | self.companions(changed)
        with transaction.atomic(using=using, savepoint=False):
            self.before_save(changed, using=using)
            super().save(*args, **kwargs)
            if changed:
                OutboxEntry.objects.record(self.kind, [self.pk], using=using)
                self._settle_on_commit(changed, using=using)
        self._remember(changed)

    save.alters_data = True  # type: ignore[attr-defined]

    def delete(self, using: str | None = None, keep_parents: bool = False) -> Deleted:
        alias = using or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=alias, savepoint=False):
            self.bury(type(self).untracked.using(alias).filter(pk=self.pk), using=alias)
            return super().delete(using=using, keep_parents=keep_parents)

    delete.alters_data = True  # type: ignore[attr-defined]

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **kwargs: Any
    ) -> Self:
        instance = super().from_db(db, field_names, values, **kwargs)
        instance._remember()
        return instance

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)
        self._remember()
        self._unsettled = frozenset()

    def changed_fields(self) -> frozenset[str]:
        """The watched fields that differ from what was loaded; all of them on a new instance."""
        loaded = getattr(self, "_loaded", None)
        if loaded is None:
            return self.watched
        present = self.__dict__
        return self._unsettled | {
            name for name in self.watched if name in present and loaded.get(name) != present[name]
        }

    def before_save(self, changed: frozenset[str], *, using: str) -> None:
        """Checks and side records, inside the transaction of the save."""
        lost = sorted(changed & self.fixed) if self.remote_id and not self._state.adding else []
        if lost:
            raise ValueError(
                f"Resend never changes {' or '.join(lost)} of a {self._meta.verbose_name} that "
                "exists. Create another one instead."
            )

    @classmethod
    def companions(cls, changed: Collection[str]) -> frozenset[str]:
        """Derived fields that must be written together with these."""
        return frozenset()

    @classmethod
    def completed(cls, changes: dict[str, Any]) -> dict[str, Any]:
        """The changes of an ``update`` call with what must be written together with them."""
        return changes

    @classmethod
    def complete(cls, rows: Iterable[Any]) -> None:
        """Set the derived fields of rows that are about to be written."""

    @classmethod
    def stored_pks(cls, rows: Sequence[Any], *, using: str) -> list[int]:
        """The keys of rows that the database wrote or found without telling their keys."""
        return [row.pk for row in rows if row.pk is not None]

    @classmethod
    def bury(cls, rows: models.QuerySet[Any], *, using: str) -> None:
        """Before these rows are deleted: leave tombstones, and ask for the deletion at Resend."""
        known = locked(cls.untracked, rows, using=using)
        for batch in batches(known.values_list("pk", "remote_id", cls.name_field)):
            bury_definitions(cls.kind, batch, using=using)

    def _remember(self, names: Collection[str] | None = None) -> None:
        """Take the present values, of all watched fields or of these, for those stored."""
        present = self.__dict__
        stored = {
            name: dict(value) if isinstance(value := present[name], dict) else value
            for name in (self.watched if names is None else names)
            if name in present
        }
        self._loaded = {**getattr(self, "_loaded", {}), **stored}

    def _settle_on_commit(self, names: frozenset[str], *, using: str) -> None:
        """Until the commit, a rollback may undo these writes: then the next save repeats them."""
        self._unsettled |= names

        def settle() -> None:
            self._unsettled -= names

        transaction.on_commit(settle, using=using)
