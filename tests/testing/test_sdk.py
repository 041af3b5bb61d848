"""The vendor's Python SDK works against the fake, route by route, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import resend
from resend.exceptions import ResendError

from django_resend.testing import FakeResend

ABSENT = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def served(fake: FakeResend, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeResend]:
    with fake.serve() as server:
        monkeypatch.setattr(resend, "api_url", server.url)
        monkeypatch.setattr(resend, "api_key", "re_test")
        yield fake


@pytest.fixture
def ada(served: FakeResend) -> str:
    return str(resend.Contacts.create({"email": "ada+news@example.org"})["id"])


def rows(listing: Any) -> list[Any]:
    assert listing["object"] == "list"
    assert listing["has_more"] is False
    return list(listing["data"])


def content(reply: Any) -> dict[str, Any]:
    """The vendor's keys: the SDK adds the headers."""
    return {key: value for key, value in reply.items() if key != "http_headers"}


@pytest.mark.usefixtures("served")
class TestContacts:
    def test_create_read_update_delete(self) -> None:
        segment = resend.Segments.create({"name": "VIP"})["id"]
        topic = resend.Topics.create({"name": "News", "default_subscription": "opt_in"})["id"]
        resend.ContactProperties.create({"key": "plan", "type": "string"})
        made = resend.Contacts.create(
            {
                "email": "ada+news@example.org",
                "first_name": "Ada",
                "properties": {"plan": "pro"},
                "segments": [{"id": segment}],
                "topics": [{"id": topic, "subscription": "opt_out"}],
            }
        )
        resend.Contacts.update(
            {"email": "ada+news@example.org", "last_name": "Byron", "unsubscribed": True}
        )
        contact = resend.Contacts.get(email="ada+news@example.org")
        assert content(contact) == content(resend.Contacts.get(id=made["id"]))
        assert (contact["first_name"], contact["last_name"]) == ("Ada", "Byron")
        assert contact["unsubscribed"] is True
        assert contact["properties"] == {"plan": {"type": "string", "value": "pro"}}
        assert resend.Contacts.remove(id=made["id"])["deleted"] is True
        with pytest.raises(ResendError, match="Contact not found"):
            resend.Contacts.get(id=made["id"])

    def test_list(self, ada: str) -> None:
        bob = resend.Contacts.create({"email": "bob@example.org"})["id"]
        assert [row["id"] for row in rows(resend.Contacts.list())] == [bob, ada]
        page = resend.Contacts.list(params={"limit": 1, "after": bob})
        assert [row["id"] for row in rows(page)] == [ada]

    def test_segments_of_a_contact(self, ada: str) -> None:
        segment = resend.Segments.create({"name": "VIP"})["id"]
        resend.Contacts.Segments.add({"email": "ada+news@example.org", "segment_id": segment})
        listed = rows(resend.Contacts.Segments.list({"contact_id": ada}))
        assert [row["name"] for row in listed] == ["VIP"]
        members = rows(resend.Contacts.list(segment_id=segment))
        assert [row["id"] for row in members] == [ada]
        resend.Contacts.Segments.remove({"contact_id": ada, "segment_id": segment})
        assert rows(resend.Contacts.Segments.list({"contact_id": ada})) == []

    def test_topics_of_a_contact(self, ada: str) -> None:
        topic = resend.Topics.create({"name": "News", "default_subscription": "opt_in"})["id"]
        resend.Contacts.Topics.update(
            {"id": ada, "topics": [{"id": topic, "subscription": "opt_out"}]}
        )
        listed = rows(resend.Contacts.Topics.list(contact_id=ada))
        assert [(row["name"], row["subscription"]) for row in listed] == [("News", "opt_out")]

    def test_imports(self, served: FakeResend) -> None:
        made = resend.Contacts.Imports.create(
            {
                "file": b"E-mail,First\nann@example.org,Ann\n",
                "column_map": {"email": "E-mail", "first_name": "First"},
                "on_conflict": "upsert",
            }
        )
        assert resend.Contacts.Imports.get(made["id"])["status"] == "queued"
        served.clock.advance(60)
        finished = resend.Contacts.Imports.get(made["id"])
        assert (finished["status"], finished["counts"]["created"]) == ("completed", 1)
        assert rows(resend.Contacts.Imports.list({"status": "completed"})) == [content(finished)]
        assert resend.Contacts.get(email="ann@example.org")["first_name"] == "Ann"

    @pytest.mark.filterwarnings("ignore:Audiences is deprecated:DeprecationWarning")
    def test_the_deprecated_audience_arguments(self, ada: str) -> None:
        audience = resend.Audiences.create({"name": "Old"})["id"]
        bob = resend.Contacts.create({"email": "bob@example.org", "audience_id": audience})["id"]
        resend.Contacts.update({"id": bob, "audience_id": audience, "first_name": "Bob"})
        assert resend.Contacts.get(audience_id=audience, id=bob)["first_name"] == "Bob"
        assert [row["id"] for row in rows(resend.Contacts.list(audience))] == [bob]
        resend.Contacts.remove(audience_id=audience, id=bob)
        assert resend.Contacts.get(id=bob)["id"] == bob


@pytest.mark.usefixtures("served")
class TestDefinitions:
    def test_segments(self) -> None:
        made = resend.Segments.create({"name": "VIP"})
        assert made["name"] == "VIP"
        resend.Segments.update(made["id"], {"name": "VIP 2"})
        assert resend.Segments.get(made["id"])["name"] == "VIP 2"
        assert [row["id"] for row in rows(resend.Segments.list())] == [made["id"]]
        assert resend.Segments.remove(made["id"])["deleted"] is True
        with pytest.raises(ResendError, match="not found"):
            resend.Segments.get(made["id"])

    @pytest.mark.filterwarnings("ignore:Audiences is deprecated:DeprecationWarning")
    def test_audiences(self) -> None:
        made = resend.Audiences.create({"name": "Old"})["id"]
        assert resend.Audiences.get(made)["name"] == "Old"
        assert [row["id"] for row in rows(resend.Audiences.list())] == [made]
        assert resend.Audiences.remove(made)["deleted"] is True
        assert rows(resend.Segments.list()) == []

    def test_topics(self) -> None:
        made = resend.Topics.create({"name": "News", "default_subscription": "opt_out"})["id"]
        resend.Topics.update(made, {"name": "Letters", "description": "Monthly"})
        topic = resend.Topics.get(made)
        assert (topic["name"], topic["description"]) == ("Letters", "Monthly")
        assert topic["default_subscription"] == "opt_out"
        assert [row["id"] for row in rows(resend.Topics.list())] == [made]
        assert resend.Topics.remove(made)["deleted"] is True
        assert rows(resend.Topics.list()) == []

    def test_properties(self) -> None:
        made = resend.ContactProperties.create(
            {"key": "seats", "type": "number", "fallback_value": 1}
        )["id"]
        resend.ContactProperties.update({"id": made, "fallback_value": 2})
        definition = resend.ContactProperties.get(made)
        assert (definition["key"], definition["type"]) == ("seats", "number")
        assert definition["fallback_value"] == 2
        assert [row["id"] for row in rows(resend.ContactProperties.list())] == [made]
        assert resend.ContactProperties.remove(made)["deleted"] is True
        assert rows(resend.ContactProperties.list()) == []


@pytest.mark.usefixtures("served")
class TestWebhooks:
    def test_management(self) -> None:
        made = resend.Webhooks.create(
            {"endpoint": "https://site.example/hook", "events": ["contact.updated"]}
        )
        resend.Webhooks.update({"webhook_id": made["id"], "events": ["contact.created"]})
        webhook = resend.Webhooks.get(made["id"])
        assert webhook["events"] == ["contact.created"]
        assert webhook["signing_secret"] == made["signing_secret"]
        rotated = resend.Webhooks.rotate_signing_secret(made["id"])
        assert rotated["signing_secret"] != made["signing_secret"]
        (row,) = rows(resend.Webhooks.list())
        assert "signing_secret" not in row
        assert resend.Webhooks.remove(made["id"])["deleted"] is True
        assert rows(resend.Webhooks.list()) == []

    def test_events_and_their_replay(self) -> None:
        webhook = resend.Webhooks.create(
            {"endpoint": "https://site.example/hook", "events": ["contact.created"]}
        )["id"]
        resend.Contacts.create({"email": "ada@example.org"})
        (event,) = rows(resend.Webhooks.list_events(webhook))
        assert (event["type"], event["status"]) == ("contact.created", "pending")
        detail = resend.Webhooks.get_event(webhook, event["id"])
        assert detail["payload"]["type"] == "contact.created"
        assert rows(resend.Webhooks.list_event_attempts(webhook, event["id"])) == []
        assert resend.Webhooks.replay_event(webhook, event["id"])["id"] == event["id"]

    def test_the_sdk_verifies_what_the_fake_signs(self) -> None:
        fake = FakeResend()
        fake.dashboard.create_contact("ada@example.org")
        (delivery,) = fake.webhooks.deliveries
        resend.Webhooks.verify(
            {
                "payload": delivery.body.decode(),
                "headers": {
                    "id": delivery.headers["svix-id"],
                    "timestamp": delivery.headers["svix-timestamp"],
                    "signature": delivery.headers["svix-signature"],
                },
                "webhook_secret": fake.webhooks.secret,
            }
        )


@pytest.mark.usefixtures("served")
def test_suppressions() -> None:
    made = resend.Suppressions.add({"email": "Ada@example.org"})["id"]
    assert resend.Suppressions.add({"email": "ada@example.org"})["id"] == made
    assert resend.Suppressions.get("ada@example.org")["origin"] == "manual"
    added = resend.Suppressions.Batch.add({"emails": ["bob@example.org"]})["data"]
    assert len(rows(resend.Suppressions.list({"origin": "manual"}))) == 2
    resend.Suppressions.Batch.remove({"ids": [added[0]["id"]]})
    assert resend.Suppressions.remove(made)["deleted"] is True
    assert rows(resend.Suppressions.list()) == []


@pytest.mark.usefixtures("served")
def test_errors_carry_the_vendor_s_status_and_name() -> None:
    with pytest.raises(ResendError) as refused:
        resend.Contacts.create({"email": "not an address"})
    assert (refused.value.code, refused.value.error_type) == (422, "validation_error")
    with pytest.raises(ResendError) as absent:
        resend.Topics.get(ABSENT)
    assert (absent.value.code, absent.value.error_type) == (404, "not_found")
