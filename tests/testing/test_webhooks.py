"""What fires a webhook, how it is signed, and how it arrives."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from django_resend.testing import Delivery, FakeResend
from django_resend.testing.webhooks import RETRY_AFTER, sign

from .caller import Caller

SECRET = "whsec_bWlycm9yLXRlc3Qtc2VjcmV0LTAxMjM0NTY3ODlhYmM="


def types(fake: FakeResend) -> list[str]:
    return [delivery.type for delivery in fake.webhooks.deliveries]


class TestWhatFires:
    def test_contacts(self, fake: FakeResend, call: Caller) -> None:
        ada = call.contact("ada@example.org", first_name="Ada")
        fake.clock.advance(1)
        call("PATCH", f"/contacts/{ada}", {"unsubscribed": True})
        call.contact("ada@example.org")
        call("DELETE", f"/contacts/{ada}")
        assert types(fake) == [
            "contact.created",
            "contact.updated",
            "contact.updated",
            "contact.deleted",
        ]
        assert fake.webhooks.deliveries[1].payload == {
            "type": "contact.updated",
            "created_at": "2026-09-21T14:13:21.000Z",
            "data": {
                "id": ada,
                "email": "ada@example.org",
                "unsubscribed": True,
                "created_at": "2026-09-21T14:13:20.000Z",
                "updated_at": "2026-09-21T14:13:21.000Z",
                "first_name": "Ada",
                "last_name": None,
                "segment_ids": [],
            },
        }

    def test_choices_of_topics_name_what_changed_and_no_contact_id(
        self, fake: FakeResend, call: Caller
    ) -> None:
        news, offers = call.topic("News"), call.topic("Offers")
        ada = call.contact("ada@example.org", topics=[{"id": news, "subscription": "opt_in"}])
        fake.webhooks.clear()
        choices = [
            {"id": news, "subscription": "opt_in"},
            {"id": offers, "subscription": "opt_out"},
        ]
        for _ in range(2):
            call("PATCH", f"/contacts/{ada}/topics", choices)
        (delivery,) = fake.webhooks.deliveries
        assert delivery.type == "contact.topics.updated"
        assert delivery.data == {"email": "ada@example.org", "topics": choices[1:]}

    def test_topics(self, fake: FakeResend, call: Caller) -> None:
        topic = call.topic("News")
        call("PATCH", f"/topics/{topic}", {"name": "Letters"})
        call("DELETE", f"/topics/{topic}")
        assert types(fake) == ["topic.created", "topic.updated", "topic.deleted"]
        assert [one.data["deleted"] for one in fake.webhooks.deliveries] == [False, False, True]

    def test_nothing_for_segments_memberships_and_properties(
        self, fake: FakeResend, call: Caller
    ) -> None:
        ada = call.contact("ada@example.org")
        fake.webhooks.clear()
        segment, plan = call.segment("VIP"), call.define("plan")
        call("POST", f"/contacts/{ada}/segments/{segment}")
        call("DELETE", f"/contacts/{ada}/segments/{segment}")
        call("PATCH", f"/contacts/{ada}", {"properties": {"plan": "pro"}})
        call("PATCH", f"/segments/{segment}", {"name": "VIP 2"})
        call("DELETE", f"/segments/{segment}")
        call("DELETE", f"/contact-properties/{plan}")
        assert types(fake) == []

    def test_acts_of_strangers(self, fake: FakeResend) -> None:
        board = fake.dashboard
        board.create_topic("News")
        board.create_contact("ada@example.org")
        board.unsubscribe("ada@example.org")
        assert fake.webhooks.deliveries[-1].data["unsubscribed"] is True
        board.resubscribe("ada@example.org")
        board.edit_contact("ada@example.org", first_name="Ada")
        board.choose_topic("ada@example.org", "News", "opt_out")
        board.delete_contact("ada@example.org")
        board.delete_topic("News")
        assert types(fake) == [
            "topic.created",
            "contact.created",
            *["contact.updated"] * 3,
            "contact.topics.updated",
            "contact.deleted",
            "topic.deleted",
        ]
        assert fake.ledger.total == 0

    def test_seeding_is_silent(self, fake: FakeResend) -> None:
        fake.dashboard.seed(contacts=10, segments=2, topics=2, properties=2)
        assert types(fake) == []
        assert len(fake.state()["contacts"]) == 10


class TestSignatures:
    def test_a_delivery_verifies_by_the_standard(self) -> None:
        fake = FakeResend(webhook_secret=SECRET)
        fake.dashboard.create_contact("ada@example.org")
        (delivery,) = fake.webhooks.deliveries
        assert Webhook(SECRET).verify(delivery.body, standard(delivery.headers))
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(delivery.body + b" ", standard(delivery.headers))

    def test_a_known_vector(self) -> None:
        body = (
            b'{"type":"contact.updated","created_at":"2026-09-21T13:33:20.000Z",'
            b'"data":{"email":"ada@example.org"}}'
        )
        assert sign(SECRET, "msg_2mirrorTestVector0001", "1790000000", body) == (
            "v1,D6KPvvXv+Q253XvFKG6qJd9mp24DIBQDjhSb/LGGu80="
        )

    def test_registered_endpoints_get_what_they_subscribed_to_under_their_own_secret(
        self, fake: FakeResend, call: Caller
    ) -> None:
        reply = call(
            "POST",
            "/webhooks",
            {"endpoint": "https://site.example/hook", "events": ["contact.created"]},
        ).json()
        call.topic("News")
        ada = call.contact("ada@example.org")
        (delivery,) = [one for one in fake.webhooks.deliveries if one.webhook_id == reply["id"]]
        assert (delivery.type, delivery.endpoint) == (
            "contact.created",
            "https://site.example/hook",
        )
        assert delivery.secret == reply["signing_secret"]
        call("PATCH", f"/webhooks/{reply['id']}", {"status": "disabled"})
        call("DELETE", f"/contacts/{ada}")
        assert len([one for one in fake.webhooks.deliveries if one.webhook_id]) == 1


def standard(headers: dict[str, str]) -> dict[str, str]:
    """The Standard Webhooks spelling of the Svix headers."""
    return {name.replace("svix-", "webhook-"): value for name, value in headers.items()}


class Inbox:
    """Keeps what is posted to it, and answers with the statuses it is told (then 200)."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.ids: list[str] = []

    def __call__(self, body: bytes, headers: dict[str, str]) -> int:
        self.ids.append(headers["svix-id"])
        return self.statuses.pop(0) if self.statuses else 200


class TestDeliveryByHand:
    @pytest.fixture
    def fake(self, fake: FakeResend) -> FakeResend:
        for number in range(20):
            fake.dashboard.create_contact(f"person{number}@example.org")
        return fake

    def test_in_order_once(self, fake: FakeResend) -> None:
        inbox = Inbox()
        assert fake.webhooks.deliver(inbox) == 20
        assert inbox.ids == [delivery.id for delivery in fake.webhooks.deliveries]
        assert fake.webhooks.deliver(inbox) == 0

    def test_shuffled_and_twice(self, fake: FakeResend) -> None:
        inbox = Inbox()
        assert fake.webhooks.deliver(inbox, shuffle=random.Random(1), duplicate=True) == 40
        ids = [delivery.id for delivery in fake.webhooks.deliveries]
        assert sorted(inbox.ids) == sorted(ids * 2)
        assert inbox.ids != ids * 2

    def test_lost(self, fake: FakeResend) -> None:
        fake.webhooks.lose(2)
        for email in ("a@example.org", "b@example.org", "c@example.org"):
            fake.dashboard.create_contact(email)
        assert fake.webhooks.deliver(Inbox()) == 21

    def test_refused_ones_are_tried_again_under_their_old_id(self, fake: FakeResend) -> None:
        inbox = Inbox(500)
        fake.webhooks.deliver(inbox)
        assert fake.webhooks.deliver(inbox) == 1
        assert inbox.ids[0] == inbox.ids[-1]

    def test_eight_refusals_are_the_end(self, fake: FakeResend) -> None:
        fake.webhooks.clear()
        fake.dashboard.create_contact("ada@example.org")
        (delivery,) = fake.webhooks.deliveries
        while fake.webhooks.pending():
            fake.webhooks.deliver(Inbox(503))
        assert (delivery.status, len(delivery.attempts)) == ("failed", len(RETRY_AFTER) + 1)

    def test_to_a_registered_endpoint_only(self, fake: FakeResend) -> None:
        hook = {"endpoint": "https://site.example/hook", "events": ["contact.created"]}
        webhook = Caller(fake).create("/webhooks", hook)
        fake.dashboard.create_contact("ada@example.org")
        assert fake.webhooks.deliver(Inbox(), webhook_id=webhook) == 1
        assert fake.webhooks.deliver(Inbox()) == 21

    def test_replayed(self, fake: FakeResend) -> None:
        inbox = Inbox()
        fake.webhooks.deliver(inbox)
        fake.webhooks.replay(fake.webhooks.deliveries[3])
        fake.webhooks.deliver(inbox)
        assert inbox.ids[-1] == inbox.ids[3]


class Receiver(BaseHTTPRequestHandler):
    """A site's webhook view: refuses as often as it is told to."""

    refusals = 0
    seen: list[tuple[str, bytes, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, body, dict(self.headers)))
        refused = type(self).refusals > 0
        type(self).refusals -= refused
        self.send_response(500 if refused else 204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[tuple[str, type[Receiver]]]:
    handler = type("Handler", (Receiver,), {"seen": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook?a=1", handler
        server.shutdown()
        thread.join()


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds; the courier works in a thread of its own."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class TestDeliveryOverHttp:
    def test_posted_signed_and_retried_when_refused(self, site: tuple[str, type[Receiver]]) -> None:
        url, receiver = site
        receiver.refusals = 1
        fake = FakeResend(webhook_url=url, webhook_secret=SECRET)
        fake.dashboard.create_contact("ada@example.org")
        (delivery,) = fake.webhooks.deliveries
        wait_for(lambda: delivery.status == "attempting")
        fake.clock.advance(RETRY_AFTER[0])
        wait_for(lambda: delivery.status == "success")
        fake.close()
        assert len(receiver.seen) == 2
        path, body, headers = receiver.seen[0]
        assert path == "/hook?a=1"
        lowered = {name.lower(): value for name, value in headers.items()}
        assert Webhook(SECRET).verify(body, standard(lowered))
        assert receiver.seen[1][1] == body

    def test_an_endpoint_nobody_listens_on(self) -> None:
        fake = FakeResend(webhook_url="http://127.0.0.1:9/")
        fake.dashboard.create_contact("ada@example.org")
        (delivery,) = fake.webhooks.deliveries
        wait_for(lambda: delivery.status == "attempting")
        fake.close()
        assert delivery.attempts[0].status == 0

    def test_nothing_leaves_this_machine(self) -> None:
        fake = FakeResend(webhook_url="https://site.example/hook")
        fake.dashboard.create_contact("ada@example.org")
        fake.close()
        (delivery,) = fake.webhooks.deliveries
        assert delivered_nowhere(delivery)


def delivered_nowhere(delivery: Delivery) -> bool:
    return delivery.status == "pending" and not delivery.attempts
