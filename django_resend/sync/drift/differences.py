"""One difference between mirror and Resend, and its likely cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...models import OutboxEntry


class Cause(StrEnum):
    """Why the two sides differ, as far as base and outbox tell."""

    WAITING = "waiting to be pushed"
    REFUSED = "refused by Resend"
    REMOTE = "changed at Resend since the last pull"
    LOCAL = "changed here past the outbox"
    NEW_REMOTE = "new at Resend since the last pull"
    GONE_REMOTE = "gone from Resend since the last pull"
    NEVER_SENT = "never sent to Resend"


@dataclass(frozen=True)
class Difference:
    """``what`` names the object for a person; ``None`` stands for an absent side."""

    kind: str
    what: str
    object_id: int | None
    remote_id: str | None
    field: str
    local: Any
    remote: Any
    cause: Cause

    @property
    def is_drift(self) -> bool:
        """Whether no pending work explains it."""
        return self.cause != Cause.WAITING


def differing(
    kind: str, item: Any, remote_id: str, local: Mapping[str, Any], remote: Mapping[str, Any]
) -> Iterator[Difference]:
    """The fields that both sides tell and that differ; ``item`` comes from ``with_outbox``."""
    base = item.base or {}
    for name, theirs in remote.items():
        ours = local.get(name)
        if ours == theirs or (name == "email" and str(ours).lower() == str(theirs).lower()):
            continue
        changed_here = name not in base or ours != base[name]
        cause = pending_cause(item) if changed_here else None
        if cause is None:
            cause = Cause.LOCAL if changed_here else Cause.REMOTE
        yield Difference(kind, str(item), item.pk, remote_id, name, ours, theirs, cause)


def only_remote(kind: str, what: str, remote_id: str) -> Difference:
    return Difference(kind, what, None, remote_id, "", None, "exists", Cause.NEW_REMOTE)


def only_local(kind: str, item: Any) -> Difference:
    """An object that Resend doesn't list; ``item`` comes from ``with_outbox``."""
    cause = pending_cause(item)
    if cause is None:
        cause = Cause.GONE_REMOTE if item.remote_id else Cause.NEVER_SENT
    return Difference(kind, str(item), item.pk, item.remote_id, "", "exists", None, cause)


def pending_cause(item: Any) -> Cause | None:
    """What the object's outbox entry, if there is one, says of a local change."""
    if item.outbox_state == OutboxEntry.State.PENDING:
        return Cause.WAITING
    if item.outbox_state == OutboxEntry.State.REFUSED:
        return Cause.REFUSED
    return None
