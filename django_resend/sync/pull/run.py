"""A whole pull: its stages in order, resumed where an earlier one was killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...client import Client, errors
from ...conf import resend_settings
from ...models import SyncRun
from ..calls import open_client
from ..coverage import find_coverage
from ..errors import NotConfigured
from ..locks import giving_way
from ..plan import plan_pull
from ..progress import Interrupted, Progress, Silent
from ..runs import begin
from .contacts import pull_contacts
from .context import Paused, Pull
from .deep import pull_deep
from .definitions import pull_definitions, settle_definitions
from .members import pull_members
from .rest import pull_rest
from .sweep import Sweep

STAGES: Mapping[str, Callable[[Pull], None]] = {
    "definitions": pull_definitions,
    "contacts": pull_contacts,
    "members": pull_members,
    "rest": pull_rest,
    "settling": settle_definitions,
    "deep": pull_deep,
}
SHALLOW = ("definitions", "contacts", "members", "rest", "settling")


@dataclass(frozen=True)
class PullReport:
    """What a pull did: rows by what happened to them, calls by route, and what it would not do.

    ``calls``, ``planned_calls`` and ``seconds`` are those of the whole run, also where this was
    its last part only. ``more`` says that its time was over before its work was.
    """

    counts: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    planned_calls: int | None = None
    seconds: float = 0.0
    calls_by_route: dict[str, int] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    resumed: bool = False
    more: bool = False

    @property
    def complete(self) -> bool:
        return not self.stopped and not self.more


def pull_all(
    *,
    shallow: bool = True,
    deep: bool = True,
    full: bool = False,
    allow_deletions: bool = False,
    seconds: float | None = None,
    progress: Progress | None = None,
    client: Client | None = None,
) -> PullReport:
    """Pull everything; ``shallow=False`` only the deep reads, ``deep=False`` all but those.

    ``full`` walks the list of contacts to its end, also where the segments' lists would do.
    A pull that was killed, or paused because its ``seconds`` were over, is taken up where it
    stopped. Raises ``NotConfigured``,
    ``AlreadyRunning``, and the client's errors where Resend can't be worked with; what was pulled
    until then stays.
    """
    if not resend_settings.may_pull:
        raise NotConfigured("RESEND['DIRECTION'] is 'push': this site doesn't pull.")
    own = client or open_client()
    names = (*(SHALLOW if shallow else ()), *(("deep",) if deep else ()))
    try:
        return _run(names, own, full, allow_deletions, seconds, progress or Silent())
    finally:
        if client is None:
            own.close()


def _run(
    names: tuple[str, ...],
    client: Client,
    full: bool,
    allow_deletions: bool,
    seconds: float | None,
    progress: Progress,
) -> PullReport:
    shallow = "contacts" in names
    # A sweep that left contacts to the segments' lists is not what a full one goes on with.
    scope = "+".join((*names, *(("full",) if full else ())))
    run = begin(SyncRun.Action.PULL, client, scope=scope)
    resumed = run.resumed
    coverage = None
    if not resumed:
        coverage = find_coverage() if shallow and not full else None
        run.plan(plan_pull(shallow=shallow, deep="deep" in names, coverage=coverage).calls)
    if resumed:
        progress.note(f"Going on with the pull of {run.started_at:%H:%M} UTC.")
    pull = Pull(
        client,
        run,
        progress,
        allow_deletions,
        None if seconds is None else time.monotonic() + seconds,
        resume=run.cursor,
        stopped=run.cursor.get("stopped", []),
        absent=run.cursor.get("absent", {}),
        coverage=coverage,
        sweep=Sweep.unpack(run.cursor["sweep"]) if "sweep" in run.cursor else None,
    )
    first = names.index(run.stage) if resumed and run.stage in names else 0
    try:
        with giving_way():
            for stage in names[first:]:
                STAGES[stage](pull)
    except (Paused, Interrupted):
        run.finish(SyncRun.State.PAUSED)
        return _report(pull, resumed, more=True)
    except BaseException as error:
        message = str(error) if isinstance(error, errors.ResendError) else type(error).__name__
        run.finish(SyncRun.State.FAILED, message)
        raise
    state = SyncRun.State.STOPPED if pull.stopped else SyncRun.State.DONE
    run.finish(state, "\n".join(pull.stopped))
    return _report(pull, resumed, more=False)


def _report(pull: Pull, resumed: bool, *, more: bool) -> PullReport:
    return PullReport(
        counts=dict(pull.run.counts),
        calls=pull.run.calls,
        planned_calls=pull.run.planned_calls,
        seconds=pull.run.seconds,
        calls_by_route=dict(pull.client.ledger),
        stopped=pull.stopped,
        resumed=resumed,
        more=more,
    )
