"""The site of the demo: its admin and API on loopback, with a login made for this run."""

from __future__ import annotations

import secrets
import time

from django.contrib.auth import get_user_model

from example_project.demo.children import Children, free_port, listens
from example_project.demo.console import Console

NAME = "admin"


def serve(console: Console, children: Children, port: int) -> None:
    """Serve until interrupted. Raises ``DemoFailed`` if one of the processes ends."""
    password = secrets.token_urlsafe(9)
    get_user_model().objects.create_superuser(NAME, "admin@example.org", password)
    free = free_port(port)
    address = f"127.0.0.1:{free}"
    children.start("site", "django", "runserver", address, "--noreload")
    children.wait_for("The start of the site", lambda: listens(free))
    console.line()
    console.line(f"  Admin     http://{address}/admin/")
    console.line(f"  API       http://{address}/api/contacts/")
    console.line(f"  Login     {NAME} / {password}")
    console.line(f"  Logs      {children.log('site').parent}")
    console.line()
    console.line("Change something in the admin: the worker pushes it. Ctrl-C ends the demo.")
    try:
        while True:
            children.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.line()
        console.line("The demo ends.")
