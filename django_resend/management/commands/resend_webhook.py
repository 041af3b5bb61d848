"""The webhook: list, register, check, rotate, enable, delete; apply what it brought."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from ...client import Client
from ...conf import resend_settings
from ...sync import endpoints
from ...sync.address import own_url
from ...sync.calls import open_client
from ...sync.endpoints import Endpoint
from ...sync.errors import NotConfigured
from ...sync.events import apply_events
from ...sync.status import read_webhook_status
from ..base import DONE, INCOMPLETE, ResendCommand
from ..envfile import VARIABLE, write_secrets
from ..output import table

ACTIONS = ("list", "register", "check", "apply", "rotate", "enable", "delete")


class Command(ResendCommand):
    help = _("Manage the webhook by which Resend tells this site of changes.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", nargs="?", choices=ACTIONS, default="list")
        parser.add_argument(
            "target",
            nargs="?",
            metavar="URL|ID",
            help=_("The webhook's address (register, check) or its id; default: this site's."),
        )
        parser.add_argument(
            "--write-env",
            metavar="FILE",
            help=_("Write the secret into this file instead of printing it."),
        )
        parser.add_argument(
            "--dry-run", action="store_true", help=_("Look, and say what would be changed.")
        )

    def run(self, **options: Any) -> int:
        if options["action"] == "apply":
            return self._apply(options)
        target = options["target"] or ""
        url = target if "://" in target else own_url()
        with open_client() as client:
            act = getattr(self, f"_{options['action']}")
            told, code = act(client, url, target, options)
        if options["json"]:
            self.print_json(told)
        return int(code)

    def _apply(self, options: Any) -> int:
        if options["dry_run"]:
            waiting = read_webhook_status().waiting
            if options["json"]:
                self.print_json({"waiting": waiting})
            self._say(options, _("%d events wait. Nothing was changed.") % waiting)
            return DONE
        report = apply_events()
        names = ("applied", "ignored", "retried", "failed", "calls")
        told = {name: getattr(report, name) for name in names}
        if options["json"]:
            self.print_json(told)
        else:
            self.stdout.write(table(list(told.items()), right=[1]))
        return INCOMPLETE if report.failed or report.retried else DONE

    def _list(self, client: Client, url: str | None, target: str, options: Any) -> Any:
        found = endpoints.endpoints(client, url)
        if not options["json"]:
            head = (_("id"), _("state"), _("ours"), _("address"), _("events"))
            rows = [
                (one.id, one.status, _("yes") if one.ours else "", one.url, len(one.events))
                for one in found
            ]
            self.stdout.write(table([head, *rows]))
        return {"endpoints": [_as_json(one) for one in found]}, DONE

    def _register(self, client: Client, url: str | None, target: str, options: Any) -> Any:
        done = endpoints.register(client, _known(url), dry_run=options["dry_run"])
        told: dict[str, Any] = {
            "id": done.id,
            "url": done.url,
            "events": done.events,
            "existed": done.existed,
            "basic": done.basic,
        }
        if done.existed:
            self._say(options, _("%s is registered already; its secret stays as it is.") % done.url)
        elif options["dry_run"]:
            self._say(options, _("%s would be registered. Nothing was changed.") % done.url)
        else:
            self._say(options, _("%(url)s is registered: %(id)s") % told)
            told |= self._hand_over([done.secret], options)
        if done.basic:
            self.stderr.write(
                _(
                    "Resend refused the newer events: only contacts are told of. Topics and "
                    "their choices come with the pulls."
                )
            )
        return told, DONE

    def _check(self, client: Client, url: str | None, target: str, options: Any) -> Any:
        ours, found = endpoints.check(client, _known(url))
        for sentence in found:
            self.stderr.write(sentence)
        if not found:
            self._say(options, _("%s is registered, enabled and heard from.") % url)
        told = {"url": url, "endpoints": [_as_json(one) for one in ours], "problems": found}
        return told, INCOMPLETE if found else DONE

    def _rotate(self, client: Client, url: str | None, target: str, options: Any) -> Any:
        one = _chosen(client, url, target)
        if options["dry_run"]:
            self._say(options, _("The secret of %s would be replaced.") % one.url)
            return {"id": one.id, "url": one.url}, DONE
        secret = endpoints.rotate(client, one.id)
        told = self._hand_over([secret, *resend_settings.webhook_secrets], options)
        self._say(
            options, _("Keep the old secret beside it for a day: events may be on their way.")
        )
        return {"id": one.id, "url": one.url, **told}, DONE

    def _enable(self, client: Client, url: str | None, target: str, options: Any) -> Any:
        one = _chosen(client, url, target)
        if not options["dry_run"]:
            endpoints.enable(client, one.id)
        sentence = _("%s would be enabled.") if options["dry_run"] else _("%s is enabled.")
        self._say(options, sentence % one.url)
        return {"id": one.id, "url": one.url}, DONE

    def _delete(self, client: Client, url: str | None, target: str, options: Any) -> Any:
        one = _chosen(client, url, target)
        if not options["dry_run"]:
            endpoints.delete(client, one.id)
        sentence = _("%s would be deleted.") if options["dry_run"] else _("%s is deleted.")
        self._say(options, sentence % one.url)
        return {"id": one.id, "url": one.url}, DONE

    def _hand_over(self, secrets: list[str], options: Any) -> dict[str, str]:
        """Tell the new secret, this once: in the file that was named, else here."""
        if not secrets[0]:
            raise NotConfigured(_("Resend told no secret. Copy it from the dashboard."))
        line = " ".join(dict.fromkeys(secrets))
        if options["write_env"]:
            try:
                write_secrets(Path(options["write_env"]), line)
            except OSError as error:
                # It is told only now: better shown than lost.
                self.stderr.write(_("The file can't be written: %s") % error.strerror)
            else:
                self._say(options, _("The secret is in %s.") % options["write_env"])
                return {"written_to": options["write_env"]}
        # Only the new one: the site has the others.
        self._say(options, _("Its secret, shown only now: %s") % secrets[0])
        self._say(options, _("Put it into %s.") % VARIABLE)
        return {"signing_secret": secrets[0]}

    def _say(self, options: Any, sentence: str) -> None:
        if not options["json"]:
            self.stdout.write(sentence)


def _known(url: str | None) -> str:
    if url is None:
        raise NotConfigured(
            _(
                "This site's address isn't known. Name it: resend_webhook register "
                "https://your.site/resend/webhook/, or set RESEND['WEBHOOK_URL']."
            )
        )
    return url


def _chosen(client: Client, url: str | None, target: str) -> Endpoint:
    """The endpoint with this id or address. Raises ``NotConfigured`` where it isn't just one."""
    found = endpoints.endpoints(client, url)
    if target and "://" not in target:
        matching = [one for one in found if one.id == target]
    else:
        matching = [one for one in found if one.ours]
    if len(matching) != 1:
        raise NotConfigured(
            _("%d registered webhooks fit. Name one by its id; resend_webhook list shows them.")
            % len(matching)
        )
    return matching[0]


def _as_json(one: Endpoint) -> dict[str, Any]:
    return {
        "id": one.id,
        "url": one.url,
        "status": one.status,
        "events": one.events,
        "ours": one.ours,
    }
