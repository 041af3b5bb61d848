"""The webhooks that are registered at Resend: which one is ours, and whether it works."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from ..client import Client, errors
from ..client.rows import WebhookRow
from ..conf import resend_settings
from ..models import SyncRun
from .calls import patiently, walk_patiently, within_limit
from .errors import NotConfigured
from .events.run import NEEDED_TYPES
from .runs import open_run
from .status import read_webhook_status

ROUTE = "/webhooks"

BASIC_TYPES = ("contact.created", "contact.updated", "contact.deleted")
"""What every version of Resend's API knows."""


@dataclass(frozen=True)
class Endpoint:
    """A registered webhook; ``lacking`` are the needed types that it doesn't send."""

    id: str
    url: str
    status: str
    events: list[str]
    ours: bool

    @property
    def lacking(self) -> list[str]:
        return [name for name in NEEDED_TYPES if name not in self.events]


@dataclass
class Registration:
    """What came of registering: ``basic`` says that newer types were refused.

    ``secret`` is told this once and stored nowhere; empty where the endpoint existed already.
    """

    url: str
    id: str = ""
    events: list[str] = field(default_factory=list)
    basic: bool = False
    existed: bool = False
    secret: str = field(default="", repr=False)


def endpoints(client: Client, url: str | None) -> list[Endpoint]:
    """All registered webhooks; those at this address are ours."""
    pages = walk_patiently(client.webhooks.page, None, ROUTE)
    return [_endpoint(row, url) for page in pages for row in page.rows]


def register(client: Client, url: str, *, dry_run: bool = False) -> Registration:
    """Register the address for the types that are applied, unless it is already.

    Where Resend refuses a newer type, the three of contacts alone. An answer that was lost isn't
    repeated: it would make a second one. Raises ``NotConfigured`` for an address that won't do.
    """
    if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
        raise NotConfigured(_("A webhook's address must begin with https://, not %s.") % url)
    for known in endpoints(client, url):
        if known.ours:
            return _complete(client, known, dry_run)
    found = Registration(url, events=list(NEEDED_TYPES))
    if dry_run:
        return found
    try:
        row = within_limit(lambda: client.webhooks.create(url, NEEDED_TYPES))
    except errors.Refused:
        found.events, found.basic = list(BASIC_TYPES), True
        row = within_limit(lambda: client.webhooks.create(url, BASIC_TYPES))
    found.id = row.id
    found.secret = row.signing_secret if isinstance(row.signing_secret, str) else ""
    return found


def _complete(client: Client, known: Endpoint, dry_run: bool) -> Registration:
    """Have an endpoint that exists send what it lacks, if Resend knows those types."""
    events = [*known.events, *known.lacking]
    found = Registration(known.url, known.id, events, existed=True)
    if not known.lacking or dry_run:
        return found
    try:
        patiently(lambda: client.webhooks.update(known.id, {"events": events}))
    except errors.Refused:
        if set(BASIC_TYPES) - set(known.events):
            raise
        found.events, found.basic = known.events, True
    return found


def check(client: Client, url: str) -> tuple[list[Endpoint], list[str]]:
    """This site's endpoints, and what is wrong with them, a sentence each.

    The outcome is kept as a sync run: Resend disables an endpoint that fails for days, and only
    asking tells.
    """
    run = open_run(SyncRun.Action.WEBHOOK, client, planned_calls=1)
    try:
        ours = [one for one in endpoints(client, url) if one.ours]
    except BaseException as error:
        run.finish(SyncRun.State.FAILED, str(error) or type(error).__name__)
        raise
    found = problems(ours)
    run.finish(SyncRun.State.FAILED if found else SyncRun.State.DONE, " ".join(found))
    return ours, found


def problems(ours: list[Endpoint]) -> list[str]:
    """What is wrong with our endpoint, a sentence each; none when all is well."""
    found: list[str] = []
    status = read_webhook_status()
    if not status.used:
        found.append(_("No webhook secret is set: every webhook is refused."))
    if not ours:
        return [
            *found,
            _("No webhook is registered for this address. Run resend_webhook register."),
        ]
    if len(ours) > 1:
        found.append(_("It is registered %d times: every event comes as often.") % len(ours))
    if all(one.status != "enabled" for one in ours):
        found.append(_("It is disabled. Mend the cause, then run resend_webhook enable."))
    lacking = set.intersection(*(set(one.lacking) for one in ours))
    if lacking:
        names = ", ".join(sorted(lacking))
        found.append(_("It doesn't send: %s. The periodic pull brings those changes.") % names)
    if status.last_at is None:
        found.append(_("No event has come yet."))
    elif status.silent:
        hours = resend_settings.webhook_silence
        found.append(_("No event came for more than %d hours.") % hours)
    if status.failed:
        found.append(_("%d events can't be applied: see the admin.") % status.failed)
    return found


def rotate(client: Client, id: str) -> str:
    """Replace an endpoint's secret; returns the new one, which is told only this once."""
    return within_limit(lambda: client.webhooks.rotate_secret(id))


def enable(client: Client, id: str) -> None:
    patiently(lambda: client.webhooks.update(id, {"status": "enabled"}))


def delete(client: Client, id: str) -> bool:
    """False when it was already absent."""
    return patiently(lambda: client.webhooks.delete(id))


def _endpoint(row: WebhookRow, url: str | None) -> Endpoint:
    address = row.endpoint if isinstance(row.endpoint, str) else ""
    return Endpoint(
        id=row.id,
        url=address,
        status=row.status if isinstance(row.status, str) else "",
        events=row.events if isinstance(row.events, list) else [],
        ours=url is not None and address.rstrip("/") == url.rstrip("/"),
    )
