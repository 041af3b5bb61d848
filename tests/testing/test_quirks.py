"""Every disputed behaviour can be had both ways, and the default is the better sourced one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_resend.testing import QUIRKS, Clock, FakeResend, UnknownQuirk

from .caller import Caller

NOON = 1_790_000_000
ABSENT = "00000000-0000-0000-0000-000000000000"
ENDPOINT = "https://site.example/hook"
Observation = Callable[[Caller], Any]


def shown(body: Any) -> Any:
    """A body with ids left out."""
    return sorted(key for key in body)


def after_second_post(call: Caller) -> Any:
    call.define("plan")
    call.contact(
        "ada@example.org",
        unsubscribed=True,
        properties={"plan": "pro"},
        segments=[{"id": call.segment("VIP")}],
    )
    ada = call.contact("ada@example.org")
    contact = call.get(f"/contacts/{ada}")
    joined = len(call.get(f"/contacts/{ada}/segments")["data"])
    return contact["unsubscribed"], list(contact["properties"]), joined


def listing_of_properties(call: Caller) -> Any:
    call.contact("ada@example.org")
    return "properties" in call.get("/contacts")["data"][0]


def property_shape(call: Caller) -> Any:
    call.define("plan")
    ada = call.contact("ada@example.org", properties={"plan": "pro"})
    return call.get(f"/contacts/{ada}")["properties"]["plan"]


def fallback(call: Caller) -> Any:
    call.define("plan", fallback="free")
    ada = call.contact("ada@example.org")
    return list(call.get(f"/contacts/{ada}")["properties"])


def topic_after_patch(call: Caller) -> Any:
    topic, ada = call.topic("News"), call.contact("ada@example.org")
    reply = call("PATCH", f"/contacts/{ada}/topics", [{"id": topic, "subscription": "opt_out"}])
    (row,) = call.get(f"/contacts/{ada}/topics")["data"]
    return reply.status, row["subscription"]


def topics_reply(call: Caller) -> Any:
    topic, ada = call.topic("News"), call.contact("ada@example.org")
    choice = [{"id": topic, "subscription": "opt_out"}]
    return shown(call("PATCH", f"/contacts/{ada}/topics", choice).json())


def wrapped_topics(call: Caller) -> Any:
    topic, ada = call.topic("News"), call.contact("ada@example.org")
    body = {"topics": [{"id": topic, "subscription": "opt_out"}]}
    return call("PATCH", f"/contacts/{ada}/topics", body).status


def topics_listed(call: Caller) -> Any:
    call.topic("News")
    chosen, ada = call.topic("Offers"), call.contact("ada@example.org")
    call("PATCH", f"/contacts/{ada}/topics", [{"id": chosen, "subscription": "opt_out"}])
    return [row["name"] for row in call.get(f"/contacts/{ada}/topics")["data"]]


def rename(call: Caller) -> Any:
    segment = call.segment("VIP")
    return call("PATCH", f"/segments/{segment}", {"name": "VIP 2"}).status


def object_of_segment(call: Caller) -> Any:
    segment = call.segment("VIP")
    return call.get(f"/segments/{segment}")["object"]


def deleted_key(call: Caller) -> Any:
    return shown(call("DELETE", f"/contacts/{call.contact('ada@example.org')}").json())


def add_to_segment(call: Caller) -> Any:
    reply = call("POST", f"/contacts/{call.contact('a@example.org')}/segments/{call.segment('V')}")
    return reply.status, shown(reply.json())


def remove_from_segment(call: Caller) -> Any:
    target = f"/contacts/{call.contact('a@example.org')}/segments/{call.segment('V')}"
    return shown(call("DELETE", target).json())


def membership_time(call: Caller) -> Any:
    segment = call.segment("VIP")
    call.fake.clock.advance(60)
    ada = call.contact("ada@example.org", segments=[{"id": segment}])
    (row,) = call.get(f"/contacts/{ada}/segments")["data"]
    return row["created_at"]


def empty_name(call: Caller) -> Any:
    ada = call.contact("ada@example.org", first_name="")
    return call.get(f"/contacts/{ada}")["first_name"]


def recreated(call: Caller) -> Any:
    first = call.contact("ada@example.org")
    call("DELETE", f"/contacts/{first}")
    return call.contact("ada@example.org") == first


def spelling(call: Caller) -> Any:
    return call.get(f"/contacts/{call.contact('Ada@example.org')}")["email"]


def spelling_of_time(call: Caller) -> Any:
    return call.get(f"/contacts/{call.contact('ada@example.org')}")["created_at"]


def missing_segment(call: Caller) -> Any:
    body = {"email": "ada@example.org", "segments": [{"id": ABSENT}]}
    return call("POST", "/contacts", body).status


def defined_twice(call: Caller) -> Any:
    call.define("plan")
    return call("POST", "/contact-properties", {"key": "plan", "type": "string"}).status


def rows_without_limit(call: Caller) -> Any:
    call.fake.dashboard.seed(contacts=25)
    return len(call.get("/contacts")["data"])


def filtered(call: Caller) -> Any:
    call.contact("ada@example.org")
    return len(call.get(f"/contacts?segment_id={call.segment('VIP')}")["data"])


def lost_cursor(call: Caller) -> Any:
    return call("GET", f"/contacts?limit=5&after={ABSENT}").status


def secret_shown(call: Caller) -> Any:
    webhook = call.create("/webhooks", {"endpoint": ENDPOINT, "events": ["contact.created"]})
    return "signing_secret" in call.get(f"/webhooks/{webhook}")


def webhook_to(endpoint: str, event: str) -> Observation:
    return lambda call: call("POST", "/webhooks", {"endpoint": endpoint, "events": [event]}).status


def event_fields(call: Caller) -> Any:
    call.contact("ada@example.org")
    return sorted(call.fake.webhooks.deliveries[-1].data)


def heard_of_properties(call: Caller) -> Any:
    call.define("plan")
    ada = call.contact("ada@example.org")
    call("PATCH", f"/contacts/{ada}", {"properties": {"plan": "pro"}})
    return len(call.fake.webhooks.of("contact.updated"))


def wrong_key(call: Caller) -> Any:
    headers = {"user-agent": "x", "authorization": "Bearer re_wrong"}
    return call("GET", "/contacts", headers=headers).json()["name"]


FIVE = ["created_at", "email", "id", "unsubscribed", "updated_at"]
ALL_FIELDS = sorted([*FIVE, "first_name", "last_name", "segment_ids"])
PAIR = ["contact_id", "object", "segment_id"]
OBSERVED: list[tuple[str, Observation, dict[str, Any]]] = [
    (
        "duplicate_post",
        after_second_post,
        {"upsert": (False, ["plan"], 1), "noop": (True, ["plan"], 1)},
    ),
    ("upsert_resets", after_second_post, {"fields": (False, ["plan"], 1), "all": (False, [], 0)}),
    (
        "property_shape",
        property_shape,
        {"typed": {"type": "string", "value": "pro"}, "bare": "pro"},
    ),
    ("list_properties", listing_of_properties, {"no": False, "yes": True}),
    ("fallback_in_get", fallback, {"no": [], "yes": ["plan"]}),
    ("topics_patch", topic_after_patch, {"works": (200, "opt_out"), "ignored": (200, "opt_in")}),
    ("topics_patch_reply", topics_reply, {"contact_topics": ["id", "object"], "id": ["id"]}),
    ("topics_body", wrapped_topics, {"bare": 422, "both": 200}),
    ("topics_listing", topics_listed, {"all": ["Offers", "News"], "explicit": ["Offers"]}),
    ("segment_rename", rename, {"works": 200, "404": 404, "405": 405}),
    ("object_segment", object_of_segment, {"segment": "segment", "audience": "audience"}),
    (
        "delete_key",
        deleted_key,
        {"contact": ["contact", "deleted", "object"], "id": ["deleted", "id", "object"]},
    ),
    (
        "delete_absent",
        lambda call: call("DELETE", "/contacts/nobody@example.org").status,
        {"404": 404, "200": 200},
    ),
    ("add_segment_reply", add_to_segment, {"id": (200, ["id"]), "pair": (200, PAIR)}),
    ("add_segment_status", add_to_segment, {"200": (200, ["id"]), "201": (201, ["id"])}),
    (
        "remove_segment_reply",
        remove_from_segment,
        {
            "segment_id": ["deleted", "id"],
            "contact_id": ["audienceId", "deleted", "id"],
            "pair": sorted([*PAIR, "deleted"]),
        },
    ),
    (
        "membership_created_at",
        membership_time,
        {"segment": "2026-09-21 14:13:20+00", "joined": "2026-09-21 14:14:20+00"},
    ),
    (
        "create_status",
        lambda call: call("POST", "/segments", {"name": "VIP"}).status,
        {"201": 201, "200": 200},
    ),
    ("names_empty", empty_name, {"null": None, "empty": ""}),
    ("recreated_id", recreated, {"new": False, "same": True}),
    ("email_case", spelling, {"kept": "Ada@example.org", "lowered": "ada@example.org"}),
    (
        "timestamps",
        spelling_of_time,
        {"postgres": "2026-09-21 14:13:20+00", "iso": "2026-09-21T14:13:20.000Z"},
    ),
    ("has_more", lambda call: "has_more" in call.get("/topics"), {"sent": True, "missing": False}),
    ("missing_reference", missing_segment, {"404": 404, "422": 422}),
    ("duplicate_property", defined_twice, {"422": 422, "409": 409}),
    ("list_without_limit", rows_without_limit, {"all": 25, "paged": 20}),
    ("segment_filter", filtered, {"ignored": 1, "works": 0}),
    ("bad_cursor", lost_cursor, {"error": 422, "ignore": 200}),
    ("webhook_secret_on_get", secret_shown, {"yes": True, "no": False}),
    (
        "webhook_endpoint",
        webhook_to("http://127.0.0.1:9/", "contact.created"),
        {"https": 422, "any": 201},
    ),
    ("webhook_events", webhook_to(ENDPOINT, "topic.created"), {"all": 201, "old": 422}),
    ("webhook_fields", event_fields, {"full": ALL_FIELDS, "sparse": FIVE}),
    ("updated_on_properties", heard_of_properties, {"no": 0, "yes": 1}),
    (
        "wrong_key",
        wrong_key,
        {"invalid_api_key": "invalid_api_key", "restricted_api_key": "restricted_api_key"},
    ),
]
SIDES = [
    pytest.param(name, value, observe, expected, id=f"{name}={value}")
    for name, observe, sides in OBSERVED
    for value, expected in sides.items()
]
ELSEWHERE = {  # in test_imports.py and test_limiter.py
    "import_blank",
    "import_seconds",
    "import_size_mb",
    "imports",
    "on_conflict_default",
    "rate_window",
    "skip_joins",
}


@pytest.mark.parametrize(("name", "value", "observe", "expected"), SIDES)
def test_each_side_of_a_dispute(name: str, value: str, observe: Observation, expected: Any) -> None:
    fake = FakeResend(clock=Clock(NOON), quirks={name: value})
    assert observe(Caller(fake)) == expected


def test_no_quirk_goes_unobserved() -> None:
    observed = {name: set(sides) for name, _, sides in OBSERVED}
    offered = {name: set(quirk.values) for name, quirk in QUIRKS.items() if name not in ELSEWHERE}
    assert observed == offered


@pytest.mark.parametrize(("name", "observe", "sides"), OBSERVED)
def test_the_first_value_is_the_default(
    name: str, observe: Observation, sides: dict[str, Any]
) -> None:
    assert observe(Caller(FakeResend(clock=Clock(NOON)))) == sides[QUIRKS[name].default]


@pytest.mark.parametrize("chosen", [{"speed": "fast"}, {"duplicate_post": "explode"}])
def test_an_unknown_quirk_is_refused_with_what_there_is(chosen: dict[str, str]) -> None:
    with pytest.raises(UnknownQuirk, match=r"upsert\|noop"):
        FakeResend(quirks=chosen)
