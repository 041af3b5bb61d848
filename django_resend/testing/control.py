"""/__fake__/...: the fake's own routes. No key, no limit, not in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .replies import ApiError, Reply, bad_parameter, json_reply, not_found
from .requesting import Call

if TYPE_CHECKING:
    from .fake import FakeResend

PREFIX = "__fake__"


def answer(fake: FakeResend, call: Call) -> Reply:
    """Answer a control call; what cannot be done is a 404 or a 422."""
    try:
        act = _ACTS.get(f"{call.method} {'/'.join(call.path[1:])}")
        if act is None:
            raise not_found("Control route")
        return json_reply(act(fake, call.json_object()))
    except ApiError as error:
        return error.reply()
    except (AttributeError, TypeError, ValueError) as error:  # arguments of a wrong kind
        return bad_parameter(str(error)).reply()


def _ledger(fake: FakeResend, body: dict[str, Any]) -> Any:
    return fake.ledger.as_dict()


def _state(fake: FakeResend, body: dict[str, Any]) -> Any:
    return fake.state()


def _faults(fake: FakeResend, body: dict[str, Any]) -> Any:
    fake.faults.add(**body)
    return {"faults": len(fake.faults)}


def _clock(fake: FakeResend, body: dict[str, Any]) -> Any:
    fake.clock.advance(float(body.get("advance", 0)))
    return {"now": fake.clock.now()}


def _reset(fake: FakeResend, body: dict[str, Any]) -> Any:
    fake.reset()
    return {"reset": True}


def _dashboard(fake: FakeResend, body: dict[str, Any]) -> Any:
    """{"act": name, ...arguments}; `email` stands for the contact in any act but create_contact."""
    arguments = dict(body)
    name = str(arguments.pop("act", ""))
    act = None if name.startswith("_") else getattr(fake.dashboard, name, None)
    if act is None:
        raise not_found(f"Act {name!r}")
    if "email" in arguments and name != "create_contact":
        arguments["contact"] = arguments.pop("email")
    result = act(**arguments)
    return {"done": name, "id": getattr(result, "id", None)}


_ACTS: dict[str, Callable[[FakeResend, dict[str, Any]], Any]] = {
    "GET ledger": _ledger,
    "GET state": _state,
    "POST faults": _faults,
    "POST clock": _clock,
    "POST reset": _reset,
    "POST dashboard": _dashboard,
}
