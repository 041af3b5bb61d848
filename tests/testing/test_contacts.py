"""Contacts behave as the vendor's do, traps included."""

from __future__ import annotations

from typing import Any

import pytest

from django_resend.testing import FakeResend

from .caller import Caller, error_of

ABSENT = "00000000-0000-0000-0000-000000000000"


def test_a_repeated_create_keeps_the_id_and_resets_what_it_leaves_out(
    fake: FakeResend, call: Caller
) -> None:
    first = call.contact("ada@example.org", first_name="Ada", unsubscribed=True)
    created_at = call.get(f"/contacts/{first}")["created_at"]
    fake.clock.advance(5)
    assert call.contact("ADA@example.org", last_name="Byron") == first
    contact = call.get(f"/contacts/{first}")
    assert (contact["first_name"], contact["last_name"]) == (None, "Byron")
    assert contact["unsubscribed"] is False
    assert (contact["created_at"], contact["email"]) == (created_at, "ada@example.org")


def test_list_rows_have_six_keys_and_details_two_more(call: Caller) -> None:
    ada = call.contact("ada@example.org")
    six = {"id", "email", "first_name", "last_name", "created_at", "unsubscribed"}
    segment = call.segment("VIP")
    call("POST", f"/contacts/{ada}/segments/{segment}")
    for target in ("/contacts", f"/segments/{segment}/contacts"):
        (row,) = call.get(target)["data"]
        assert set(row) == six
    assert set(call.get(f"/contacts/{ada}")) == six | {"object", "properties"}


def test_the_segment_filter_of_the_contact_list_is_ignored(call: Caller) -> None:
    call.contact("ada@example.org")
    segment = call.segment("VIP")
    assert len(call.get(f"/contacts?segment_id={segment}")["data"]) == 1


def test_an_address_never_changes(call: Caller) -> None:
    ada = call.contact("ada@example.org")
    assert call("PATCH", f"/contacts/{ada}", {"email": "eve@example.org"}).status == 200
    assert call.get(f"/contacts/{ada}")["email"] == "ada@example.org"


def test_unknown_keys_are_dropped_without_a_word(call: Caller) -> None:
    ada = call.contact("ada@example.org", audience_id="x", firstname="Ada")
    assert call("PATCH", f"/contacts/{ada}", {"unsubscribe": True}).status == 200
    contact = call.get(f"/contacts/{ada}")
    assert (contact["first_name"], contact["unsubscribed"]) == (None, False)


def test_update_leaves_the_rest_merges_properties_and_null_takes_one_away(call: Caller) -> None:
    call.define("plan")
    call.define("seats", "number")
    ada = call.contact("ada@example.org", first_name="Ada", properties={"plan": "pro"})
    call("PATCH", f"/contacts/{ada}", {"properties": {"seats": 4}})
    assert call.get(f"/contacts/{ada}")["properties"] == {
        "plan": {"type": "string", "value": "pro"},
        "seats": {"type": "number", "value": 4},
    }
    change = {"first_name": None, "properties": {"seats": None, "plan": ""}}
    call("PATCH", f"/contacts/{ada}", change)
    contact = call.get(f"/contacts/{ada}")
    assert contact["first_name"] is None
    assert contact["properties"] == {"plan": {"type": "string", "value": ""}}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "missing_required_field"),
        ({"email": ""}, "missing_required_field"),
        ({"email": "ada"}, "validation_error"),
        ({"email": "ada@localhost"}, "validation_error"),
        ({"email": '"a b"@example.org'}, "validation_error"),
        ({"email": "a..b@example.org"}, "validation_error"),
        ({"email": 5}, "validation_error"),
        ({"unsubscribed": "yes"}, "validation_error"),
        ({"unsubscribed": None}, "validation_error"),
        ({"first_name": 5}, "validation_error"),
        ({"properties": {"unknown": "x"}}, "validation_error"),
        ({"properties": {"PLAN": "x"}}, "validation_error"),
        ({"properties": {"plan": 5}}, "validation_error"),
        ({"properties": {"plan": True}}, "validation_error"),
        ({"properties": {"seats": "5"}}, "validation_error"),
        ({"properties": {"seats": True}}, "validation_error"),
        ({"properties": ["plan"]}, "validation_error"),
        ({"segments": [ABSENT]}, "validation_error"),
        ({"segments": [{"id": "x"}]}, "invalid_parameter"),
        ({"topics": [{"id": ABSENT}]}, "validation_error"),
        ({"topics": {"id": ABSENT, "subscription": "opt_in"}}, "validation_error"),
    ],
)
def test_one_bad_part_fails_the_whole_create(
    fake: FakeResend, call: Caller, body: dict[str, Any], name: str
) -> None:
    call.define("plan")
    call.define("seats", "number")
    email = {} if body == {} else {"email": "ada@example.org"}
    assert error_of(call("POST", "/contacts", email | body)) == (422, name)
    assert fake.state()["contacts"] == []


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("identifier", "status", "name"),
    [
        (ABSENT, 404, "not_found"),
        ("nobody@example.org", 404, "not_found"),
        ("not-an-id", 422, "invalid_parameter"),
        ("@", 422, "invalid_parameter"),
        ("..", 422, "invalid_parameter"),
    ],
)
def test_who_is_not_there_and_what_names_nobody(
    call: Caller, method: str, identifier: str, status: int, name: str
) -> None:
    assert error_of(call(method, f"/contacts/{identifier}")) == (status, name)


def test_deleting_forgets_memberships_choices_and_the_opt_out(
    fake: FakeResend, call: Caller
) -> None:
    segment, topic = call.segment("VIP"), call.topic("News")
    whole = {
        "segments": [{"id": segment}],
        "topics": [{"id": topic, "subscription": "opt_out"}],
        "unsubscribed": True,
    }
    old = call.contact("ada@example.org", **whole)
    reply = call("DELETE", "/contacts/ada@example.org")
    assert reply.json() == {"object": "contact", "contact": old, "deleted": True}
    assert call.get(f"/segments/{segment}/contacts")["data"] == []
    new = call.contact("ada@example.org")
    assert new != old
    assert call.get(f"/contacts/{new}")["unsubscribed"] is False
    (choice,) = call.get(f"/contacts/{new}/topics")["data"]
    assert choice["subscription"] == "opt_in"


def test_membership_may_be_repeated_and_leaves_consent_alone(call: Caller) -> None:
    ada, segment = call.contact("ada@example.org", unsubscribed=True), call.segment("VIP")
    target = f"/contacts/{ada}/segments/{segment}"
    for _ in range(2):
        assert call("POST", target).status == 200
    assert len(call.get(f"/segments/{segment}/contacts")["data"]) == 1
    for _ in range(2):
        assert call("DELETE", target).status == 200
    assert call.get(f"/contacts/{ada}/segments")["data"] == []
    assert call.get(f"/contacts/{ada}")["unsubscribed"] is True


def test_membership_of_who_or_what_is_absent(call: Caller) -> None:
    ada, segment = call.contact("ada@example.org"), call.segment("VIP")
    absent = call("POST", f"/contacts/eve@example.org/segments/{segment}")
    assert (absent.status, absent.json()["message"]) == (404, "Contact not found")
    assert error_of(call("POST", f"/contacts/{ada}/segments/{ABSENT}")) == (404, "not_found")


def test_deleting_a_segment_keeps_its_members(call: Caller) -> None:
    segment = call.segment("VIP")
    ada = call.contact("ada@example.org", segments=[{"id": segment}])
    assert call("DELETE", f"/segments/{segment}").status == 200
    assert call.get(f"/contacts/{ada}/segments")["data"] == []


def test_deleting_a_property_erases_its_values(call: Caller) -> None:
    plan = call.define("plan")
    ada = call.contact("ada@example.org", properties={"plan": "pro"})
    assert call("DELETE", f"/contact-properties/{plan}").status == 200
    assert call.get(f"/contacts/{ada}")["properties"] == {}
    call.define("plan")
    assert call.get(f"/contacts/{ada}")["properties"] == {}


def test_deleting_a_topic_removes_every_choice(fake: FakeResend, call: Caller) -> None:
    topic = call.topic("News")
    call.contact("ada@example.org", topics=[{"id": topic, "subscription": "opt_out"}])
    assert call("DELETE", f"/topics/{topic}").status == 200
    (contact,) = fake.state()["contacts"]
    assert contact["topics"] == {}


def test_a_wrapped_topics_body_is_refused_and_a_bare_array_changes_what_it_lists(
    call: Caller,
) -> None:
    news, offers = call.topic("News"), call.topic("Offers", "opt_out")
    ada = call.contact("ada@example.org")
    choices = [{"id": news, "subscription": "opt_out"}]
    wrapped = call("PATCH", f"/contacts/{ada}/topics", {"topics": choices})
    assert error_of(wrapped) == (422, "validation_error")
    assert call("PATCH", f"/contacts/{ada}/topics", choices).status == 200
    shown = {row["id"]: row["subscription"] for row in call.get(f"/contacts/{ada}/topics")["data"]}
    assert shown == {news: "opt_out", offers: "opt_out"}


class TestAudiences:
    """The deprecated routes, whose DELETE deletes nobody."""

    def test_delete_only_leaves_the_segment(self, call: Caller) -> None:
        segment = call.segment("VIP")
        ada = call.contact("ada@example.org", segments=[{"id": segment}])
        reply = call("DELETE", f"/audiences/{segment}/contacts/{ada}").json()
        assert reply == {"object": "contact", "contact": ada, "deleted": True}
        assert call.get(f"/contacts/{ada}")["id"] == ada
        assert call.get(f"/segments/{segment}/contacts")["data"] == []

    def test_delete_says_deleted_for_an_unknown_id(self, call: Caller) -> None:
        segment = call.segment("VIP")
        reply = call("DELETE", f"/audiences/{segment}/contacts/{ABSENT}")
        assert (reply.status, reply.json()["deleted"]) == (200, True)

    def test_create_is_upsert_and_join(self, call: Caller) -> None:
        segment = call.segment("VIP")
        ada = call.contact("ada@example.org", unsubscribed=True)
        target = f"/audiences/{segment}/contacts"
        assert call.create(target, {"email": "ada@example.org"}) == ada
        assert call.get(f"/contacts/{ada}")["unsubscribed"] is False
        assert [row["id"] for row in call.get(target)["data"]] == [ada]

    def test_the_other_routes_are_those_of_segments(self, call: Caller) -> None:
        audience = call.create("/audiences", {"name": "Old"})
        assert call.get(f"/audiences/{audience}")["object"] == "audience"
        assert [row["id"] for row in call.get("/audiences")["data"]] == [audience]
        ada = call.create(f"/audiences/{audience}/contacts", {"email": "ada@example.org"})
        target = f"/audiences/{audience}/contacts/{ada}"
        assert call("PATCH", target, {"first_name": "Ada"}).status == 200
        assert call.get(target)["first_name"] == "Ada"
        stranger = call.contact("bob@example.org")
        assert call("GET", f"/audiences/{audience}/contacts/{stranger}").status == 404
        assert call("DELETE", f"/audiences/{audience}/contacts/bob").status == 422
        for _ in range(2):
            assert call("DELETE", f"/audiences/{audience}").json()["deleted"] is True
        assert call.get("/segments")["data"] == []


class TestSuppressions:
    def test_fire_webhooks_and_are_found_by_id_or_address(
        self, fake: FakeResend, call: Caller
    ) -> None:
        made = call.create("/suppressions", {"email": "ada@example.org"})
        for name in (made, "ADA@example.org"):
            assert call.get(f"/suppressions/{name}")["email"] == "ada@example.org"
        assert call.get("/suppressions?origin=bounce")["data"] == []
        body = {"emails": ["ada@example.org"]}
        assert call("POST", "/suppressions/batch/remove", body).json()["data"][0]["id"] == made
        assert error_of(call("DELETE", f"/suppressions/{made}")) == (404, "not_found")
        fired = [delivery.type for delivery in fake.webhooks.deliveries]
        assert fired == ["suppression.added", "suppression.removed"]

    @pytest.mark.parametrize("emails", [[], ["x"] * 101, "ada@example.org", ["nobody"], [5]])
    def test_a_batch_holds_one_to_a_hundred_addresses(self, call: Caller, emails: Any) -> None:
        assert call("POST", "/suppressions/batch/add", {"emails": emails}).status == 422
