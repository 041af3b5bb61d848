"""Imports happen later, by the clock, silently, and report counts only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_resend.testing import Clock, FakeResend, Reply

from .caller import HEADERS, Caller, error_of

NOON = 1_790_000_000
LONG_ENOUGH = 60


def upload(fake: FakeResend, text: str | bytes, **parts: Any) -> Reply:
    content = text.encode() if isinstance(text, str) else text
    form = [(b'name="file"; filename="people.csv"', content)]
    for name, value in parts.items():
        encoded = value if isinstance(value, str) else json.dumps(value)
        form.append((f'name="{name}"'.encode(), encoded.encode()))
    body = b"".join(
        b"--cut\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % part for part in form
    )
    headers = HEADERS | {"content-type": "multipart/form-data; boundary=cut"}
    return fake.handle("POST", "/contacts/imports", headers, body + b"--cut--\r\n")


def finished(fake: FakeResend, text: str, **parts: Any) -> dict[str, int]:
    """Upload, let time pass, and give the counts."""
    reply = upload(fake, text, **parts)
    assert reply.status == 201, reply.body
    fake.clock.advance(LONG_ENOUGH)
    row = Caller(fake).get(f"/contacts/imports/{reply.json()['id']}")
    assert row["status"] == "completed"
    counts: dict[str, int] = row["counts"]
    return counts


def contact(fake: FakeResend, email: str) -> dict[str, Any]:
    (row,) = [row for row in fake.state()["contacts"] if row["email"] == email]
    return dict(row)


def test_an_import_is_queued_then_in_progress_then_completed(
    fake: FakeResend, call: Caller
) -> None:
    job = upload(fake, "email\nann@example.org\n").json()
    assert set(job) == {"object", "id"}
    target = f"/contacts/imports/{job['id']}"
    seen = []
    for _ in range(10):
        row = call.get(target)
        seen.append((row["status"], row["completed_at"] is None, "counts" in row))
        assert (call("GET", "/contacts/ann@example.org").status == 200) == (
            row["status"] == "completed"
        )
        fake.clock.advance(1)
    assert list(dict.fromkeys(seen)) == [
        ("queued", True, False),
        ("in_progress", True, False),
        ("completed", False, True),
    ]


def test_how_long_an_import_takes_is_a_quirk() -> None:
    fake = FakeResend(clock=Clock(NOON), quirks={"import_seconds": "0"})
    upload(fake, "email\nann@example.org\n")
    assert len(fake.state()["contacts"]) == 1


def test_rows_are_counted_as_created_updated_or_failed(fake: FakeResend) -> None:
    fake.dashboard.create_contact("ann@example.org")
    text = (
        "email,unsubscribed\nann@example.org,\nbob@example.org,true\nnobody,\neve@example.org,x\n"
    )
    counts = finished(fake, text, on_conflict="upsert")
    assert counts == {"total": 4, "created": 1, "updated": 1, "skipped": 0, "failed": 2}
    assert contact(fake, "bob@example.org")["unsubscribed"] is True


def test_skip_leaves_existing_people_as_they_are(fake: FakeResend) -> None:
    fake.dashboard.create_contact("ann@example.org", first_name="Ann")
    segment = fake.dashboard.create_segment("VIP").id
    text = "email,first_name\nann@example.org,Eve\nbob@example.org,Bob\n"
    counts = finished(fake, text, on_conflict="skip", segments=[{"id": segment}])
    assert (counts["created"], counts["skipped"]) == (1, 1)
    assert contact(fake, "ann@example.org")["first_name"] == "Ann"
    assert contact(fake, "ann@example.org")["segments"] == []
    assert contact(fake, "bob@example.org")["segments"] == [segment]


def test_whether_skipped_people_join_is_a_quirk() -> None:
    fake = FakeResend(clock=Clock(NOON), quirks={"skip_joins": "yes"})
    fake.dashboard.create_contact("ann@example.org")
    segment = fake.dashboard.create_segment("VIP").id
    finished(fake, "email\nann@example.org\n", on_conflict="skip", segments=[{"id": segment}])
    assert contact(fake, "ann@example.org")["segments"] == [segment]


@pytest.mark.parametrize(("value", "name"), [("upsert", "Eve"), ("skip", "Ann")])
def test_the_default_mode_is_a_quirk(value: str, name: str) -> None:
    fake = FakeResend(clock=Clock(NOON), quirks={"on_conflict_default": value})
    fake.dashboard.create_contact("ann@example.org", first_name="Ann")
    finished(fake, "email,first_name\nann@example.org,Eve\n")
    assert contact(fake, "ann@example.org")["first_name"] == name


def test_a_blank_unsubscribed_keeps_the_opt_out_and_false_ends_it(fake: FakeResend) -> None:
    for email in ("ann@example.org", "bob@example.org"):
        fake.dashboard.create_contact(email, unsubscribed=True)
    text = "email,unsubscribed\nann@example.org,\nbob@example.org,false\n"
    finished(fake, text, on_conflict="upsert")
    assert contact(fake, "ann@example.org")["unsubscribed"] is True
    assert contact(fake, "bob@example.org")["unsubscribed"] is False


@pytest.mark.parametrize(("value", "name"), [("keep", "Ann"), ("clear", None)])
def test_what_a_blank_name_does_is_a_quirk(value: str, name: str | None) -> None:
    fake = FakeResend(clock=Clock(NOON), quirks={"import_blank": value})
    fake.dashboard.create_contact("ann@example.org", first_name="Ann", last_name="Lee")
    finished(fake, "email,first_name\nann@example.org,\n", on_conflict="upsert")
    row = contact(fake, "ann@example.org")
    assert (row["first_name"], row["last_name"]) == (name, "Lee")


def test_columns_are_mapped_coerced_and_missing_properties_defined(fake: FakeResend) -> None:
    fake.dashboard.create_property("plan")
    columns = {
        "email": "E-mail",
        "last_name": "Surname",
        "properties": {
            "plan": {"column": "Plan"},
            "seats": {"column": "Seats", "type": "number"},
            "member": {"column": "Member", "type": "boolean"},
        },
    }
    text = '\ufeffE-mail,Surname,Plan,Seats,Member\r\nann@example.org,"Lee, Dr.",12,4,yes\r\n'
    text += "bob@example.org,,,four,\r\n"
    counts = finished(fake, text, column_map=columns)
    assert (counts["created"], counts["failed"]) == (1, 1)
    row = contact(fake, "ann@example.org")
    assert row["last_name"] == "Lee, Dr."
    assert row["properties"] == {"plan": "12", "seats": 4, "member": True}
    defined = {row["key"]: row["type"] for row in fake.state()["contact_properties"]}
    assert defined == {"plan": "string", "seats": "number", "member": "boolean"}


def test_segments_and_topics_go_to_all_rows(fake: FakeResend) -> None:
    segment = fake.dashboard.create_segment("VIP").id
    topic = fake.dashboard.create_topic("News").id
    fake.dashboard.create_contact("ann@example.org", topics={"News": "opt_out"})
    finished(
        fake,
        "email\nann@example.org\nbob@example.org\n",
        on_conflict="upsert",
        segments=[{"id": segment}],
        topics=[{"id": topic, "subscription": "opt_in"}],
    )
    for email in ("ann@example.org", "bob@example.org"):
        row = contact(fake, email)
        assert (row["segments"], row["topics"]) == ([segment], {topic: "opt_in"})


def test_an_import_fires_no_webhook(fake: FakeResend) -> None:
    topic = fake.dashboard.create_topic("News").id
    fake.dashboard.create_contact("ann@example.org")
    before = len(fake.webhooks.deliveries)
    choices = [{"id": topic, "subscription": "opt_out"}]
    finished(fake, "email\nann@example.org\nbob@example.org\n", topics=choices)
    assert len(fake.webhooks.deliveries) == before


def test_imports_are_listed_newest_first_and_by_status(fake: FakeResend, call: Caller) -> None:
    first = upload(fake, "email\nann@example.org\n").json()["id"]
    fake.clock.advance(LONG_ENOUGH)
    second = upload(fake, "email\nbob@example.org\n").json()["id"]
    assert [row["id"] for row in call.get("/contacts/imports")["data"]] == [second, first]
    done = call.get("/contacts/imports?status=completed")["data"]
    assert [row["id"] for row in done] == [first]
    assert call("GET", "/contacts/imports?status=lost").status == 422


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("E-mail\nann@example.org\n", {}),
        ("Email\nann@example.org\n", {}),
        ("", {}),
        (b"email\n\xff\n", {}),
        ("email\nann@example.org\n", {"on_conflict": "replace"}),
        ("email\nann@example.org\n", {"column_map": "{"}),
        ("email\nann@example.org\n", {"column_map": {"email": "E-mail"}}),
        ("email\nann@example.org\n", {"column_map": ["email"]}),
        ("email\nann@example.org\n", {"column_map": {"email": ["email"]}}),
        ("email\nann@example.org\n", {"column_map": {"properties": ["plan"]}}),
        (f"email\n{'x' * 200_000}\n", {}),
        ("email\nann@example.org\n", {"column_map": {"properties": {"plan": "Plan"}}}),
        ("email\nann@example.org\n", {"segments": ["00000000-0000-0000-0000-000000000000"]}),
    ],
)
def test_a_file_or_a_part_that_makes_no_sense_is_refused_at_once(
    fake: FakeResend, text: str | bytes, parts: dict[str, Any]
) -> None:
    assert error_of(upload(fake, text, **parts)) == (422, "validation_error")


def test_a_form_without_a_file_is_refused(fake: FakeResend) -> None:
    headers = HEADERS | {"content-type": "multipart/form-data; boundary=cut"}
    reply = fake.handle("POST", "/contacts/imports", headers, b"--cut--\r\n")
    assert error_of(reply) == (422, "missing_required_field")


def test_a_cell_of_another_type_than_its_property_fails_the_row(fake: FakeResend) -> None:
    fake.dashboard.create_property("plan")
    columns = {"email": "email", "properties": {"plan": {"column": "plan", "type": "number"}}}
    counts = finished(fake, "email,plan\nann@example.org,4\nbob@example.org,\n", column_map=columns)
    assert (counts["created"], counts["failed"]) == (1, 1)


def test_a_blank_property_may_clear() -> None:
    fake = FakeResend(clock=Clock(NOON), quirks={"import_blank": "clear"})
    fake.dashboard.create_property("plan")
    fake.dashboard.create_contact("ann@example.org", properties={"plan": "pro"})
    columns = {"email": "email", "properties": {"plan": {"column": "plan"}}}
    finished(fake, "email,plan\nann@example.org,\n", column_map=columns)
    assert contact(fake, "ann@example.org")["properties"] == {}


def test_a_body_that_is_not_a_form_is_refused(call: Caller) -> None:
    assert error_of(call("POST", "/contacts/imports", {})) == (422, "validation_error")


def test_a_file_above_the_limit_is_refused() -> None:
    fake = FakeResend(quirks={"import_size_mb": "0.0001"})
    assert upload(fake, "email\n" + "x" * 200).status == 422


def test_imports_may_be_refused_altogether() -> None:
    fake = FakeResend(quirks={"imports": "refused"})
    assert error_of(upload(fake, "email\nann@example.org\n")) == (403, "invalid_permission")


def test_ten_thousand_rows(fake: FakeResend) -> None:
    rows = "".join(f"person{number}@example.org\n" for number in range(10_000))
    assert finished(fake, f"email\n{rows}")["created"] == 10_000
