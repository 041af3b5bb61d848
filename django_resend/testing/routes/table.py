"""The table of routes: each module of this package adds its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..replies import ApiError, Reply, json_reply
from ..requesting import Call
from ..team import Team

Handler = Callable[[Team, Call], Reply]


class Route:
    """One method and pattern, such as "GET /contacts/{id}"."""

    __slots__ = ("handler", "method", "name", "parts")

    def __init__(self, name: str, handler: Handler) -> None:
        self.name = name
        self.handler = handler
        self.method, _, pattern = name.partition(" ")
        self.parts = [None if part[0] == "{" else part for part in pattern[1:].split("/")]

    def match(self, path: list[str]) -> list[str] | None:
        """The placeholders' values, or None."""
        params = []
        for part, given in zip(self.parts, path, strict=True):
            if part is None:
                params.append(given)
            elif part != given:
                return None
        return params


class Table:
    """Routes by length of path; fixed words win over placeholders."""

    def __init__(self) -> None:
        self._routes: dict[int, list[Route]] = {}

    def on(self, name: str) -> Callable[[Handler], Handler]:
        """Decorator: the function answers this route."""

        def register(handler: Handler) -> Handler:
            route = Route(name, handler)
            routes = self._routes.setdefault(len(route.parts), [])
            routes.append(route)
            routes.sort(key=lambda one: [part is None for part in one.parts])
            return handler

        return register

    def find(self, call: Call) -> Route:
        """The call's route, its placeholders noted in `call.params`; ApiError 404 or 405."""
        known_path = False
        for route in self._routes.get(len(call.path), ()):
            params = route.match(call.path)
            if params is None:
                continue
            if route.method == call.method:
                call.params = params
                return route
            known_path = True
        if known_path:
            raise ApiError(405, "method_not_allowed", "The method is not allowed on this path.")
        raise ApiError(404, "not_found", "The requested endpoint does not exist")


routes = Table()


def created(team: Team, content: dict[str, Any]) -> Reply:
    """The reply to a successful create."""
    return json_reply(content, int(team.quirks["create_status"]))
