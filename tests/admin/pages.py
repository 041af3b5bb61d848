"""What a browser does on an admin page: read it, fill in its form, run an action."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

from django.contrib.messages import get_messages
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from django_resend.sync.jobs import run_jobs

Response = Any
"""A test client's response: django-stubs keeps its class private."""


def url(model: type[Model], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


class _Inputs(HTMLParser):
    """The name and value of every input that a browser would send."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self._select = self._textarea = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "select":
            self._select = "" if "disabled" in given else name
        elif tag == "option" and "selected" in given and self._select:
            self._add(self._select, given.get("value"))
        elif tag == "textarea":
            self._textarea = name
        elif tag == "input" and name and "disabled" not in given:
            kind = given.get("type")
            if kind in ("checkbox", "radio") and "checked" in given:
                self._add(name, given.get("value") or "on")
            elif kind not in ("checkbox", "radio", "submit"):
                self._add(name, given.get("value"))

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._add(self._textarea, data.strip())
            self._textarea = ""

    def _add(self, name: str, value: str | None) -> None:
        self.values.setdefault(name, []).append(value or "")


def form_values(response: Response) -> dict[str, list[str]]:
    """What the page's form would send if nothing in it was touched."""
    return _Inputs(response.content.decode()).values


def save(client: Client, address: str, **changes: Any) -> Response:
    """Open a page, change these fields (None unticks a box) and save."""
    page = client.get(address)
    assert page.status_code == 200
    data: dict[str, Any] = {**form_values(page), **changes}
    return client.post(address, {name: value for name, value in data.items() if value is not None})


def start_action(
    client: Client, address: str, action: str, pks: list[int], *, across: bool = False
) -> Response:
    """Select rows in a list, or all of them, choose an action and press Run."""
    data = {
        "action": action,
        "index": "0",
        "select_across": "1" if across else "0",
        "_selected_action": pks,
    }
    return client.post(address, data)


def finish_action(client: Client, address: str, page: Response, **choices: Any) -> Response:
    """Fill in the page that asks, and press its button."""
    return client.post(address, {**form_values(page), **choices})


def do_action(client: Client, address: str, page: Response, **choices: Any) -> str:
    """Press the page's button, let a worker do the job, and read its progress page."""
    answer = finish_action(client, address, page, **choices)
    assert answer.status_code == 302, answer.content.decode()
    run_jobs()
    return text_of(client.get(answer["Location"]))


def text_of(response: Response) -> str:
    """The words on a page's main part."""
    main = response.content.decode().partition('id="content"')[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def told(response: Response) -> str:
    """The messages that the next page will show."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))
