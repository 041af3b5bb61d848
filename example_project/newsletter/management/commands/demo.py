"""`manage.py demo`: see the whole of django-resend work, with nothing but Python."""

from __future__ import annotations

import importlib.util
import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_resend.client.errors import ResendError
from django_resend.conf import resend_settings
from django_resend.sync.errors import SyncStopped
from example_project.demo import environment
from example_project.demo.children import Children
from example_project.demo.console import Console
from example_project.demo.errors import DemoFailed
from example_project.demo.interrupts import Interrupts
from example_project.demo.live import show_live
from example_project.demo.site import serve
from example_project.settings import BASE_DIR, VAR_DIR

DIFFERENT, COULD_NOT_RUN, INTERRUPTED = 1, 2, 130


def port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


class Command(BaseCommand):
    """Exit codes: 0 both sides are equal, 1 they differ, 2 it could not run, 130 interrupted."""

    help = (
        "Fill a fake Resend, mirror it, change things on both sides, compare them, and serve the "
        "result. The site's own database is not touched."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="End after the comparison; serve nothing."
        )
        parser.add_argument(
            "--live",
            action="store_true",
            help="Pull the account of RESEND_API_KEY instead, without writing to it.",
        )
        parser.add_argument(
            "--port", type=port, default=8000, help="Of the site; the next free one if taken."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            complete = self._run(**options)
        except (DemoFailed, SyncStopped, ResendError) as error:
            raise CommandError(str(error), returncode=COULD_NOT_RUN) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=INTERRUPTED) from None
        if not complete:
            raise CommandError("The two sides are not equal.", returncode=DIFFERENT)

    def _run(self, *, once: bool, live: bool, port: int, **options: Any) -> bool:
        _refuse(live)
        if not environment.is_prepared():
            environment.start_anew(VAR_DIR / "demo", live=live)
        interrupts = Interrupts()
        _log_into(VAR_DIR / "demo.log")
        console = Console(sys.stdout, interrupts.check)
        with Children(BASE_DIR, VAR_DIR) as children:
            if live:
                complete = show_live(console)
            else:
                from example_project.demo.show import show  # needs the SDK

                complete = show(console, children)
            if complete and console.terminal and not once:
                serve(console, children, port)
        return complete


def _log_into(path: Path) -> None:
    """Keep the engine's log lines out of the progress."""
    logging.getLogger("django_resend").handlers = [logging.FileHandler(path)]


def _refuse(live: bool) -> None:
    """Raise ``DemoFailed`` where key, option and what is installed don't fit together."""
    real = resend_settings.api_key not in ("", environment.FAKE_KEY)
    if real and not live:
        raise DemoFailed(
            "A real Resend API key is set, but the demo works with a fake Resend. Unset "
            "RESEND_API_KEY, or say --live to pull that account, which only reads."
        )
    if live and not real:
        raise DemoFailed("--live needs your Resend API key in RESEND_API_KEY.")
    if not live and importlib.util.find_spec("resend") is None:
        raise DemoFailed("Resend's SDK is not installed: pip install -e '.[demo]'")
