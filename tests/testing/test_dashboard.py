"""Acts of strangers: what the API shows after them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from django_resend.testing import Clock, FakeResend
from django_resend.testing.replies import ApiError

from .caller import Caller


def test_people_come_change_and_go(fake: FakeResend, call: Caller) -> None:
    board = fake.dashboard
    board.create_property("plan")
    ada = board.create_contact("ada@example.org", first_name="Ada", properties={"plan": "pro"})
    board.edit_contact("ADA@example.org", last_name="Byron", properties={"plan": None})
    contact = call.get(f"/contacts/{ada.id}")
    assert (contact["first_name"], contact["last_name"]) == ("Ada", "Byron")
    assert contact["properties"] == {}
    board.delete_contact(ada.id)
    assert call("GET", f"/contacts/{ada.id}").status == 404


def test_memberships_and_choices_by_name_or_id(fake: FakeResend, call: Caller) -> None:
    board = fake.dashboard
    segment, topic = board.create_segment("VIP"), board.create_topic("News", "opt_out")
    board.create_contact("ada@example.org", segments=["VIP"], topics={topic.id: "opt_in"})
    board.create_contact("bob@example.org")
    board.add_to_segment("bob@example.org", segment.id)
    board.remove_from_segment("ada@example.org", "VIP")
    (member,) = call.get(f"/segments/{segment.id}/contacts")["data"]
    assert member["email"] == "bob@example.org"
    board.choose_topic("bob@example.org", "News", "opt_in")
    for person in ("ada@example.org", "bob@example.org"):
        (choice,) = call.get(f"/contacts/{person}/topics")["data"]
        assert choice["subscription"] == "opt_in"


def test_definitions_come_change_and_go(fake: FakeResend, call: Caller) -> None:
    board = fake.dashboard
    board.create_segment("VIP")
    board.rename_segment("VIP", "Friends")
    board.create_topic("News")
    board.edit_topic("News", name="Letters", description="Monthly")
    board.create_property("seats", "number", 1)
    assert [row["name"] for row in call.get("/segments")["data"]] == ["Friends"]
    assert [row["name"] for row in call.get("/topics")["data"]] == ["Letters"]
    assert [row["key"] for row in call.get("/contact-properties")["data"]] == ["seats"]
    board.delete_segment("Friends")
    board.delete_topic("Letters")
    board.delete_property("seats")
    for target in ("/segments", "/topics", "/contact-properties"):
        assert call.get(target)["data"] == []


def test_a_csv_file_uploaded_by_hand_is_done_at_once_and_silently(
    fake: FakeResend, call: Caller
) -> None:
    segment = fake.dashboard.create_segment("VIP")
    fake.dashboard.create_topic("News")
    fake.webhooks.clear()
    job = fake.dashboard.import_csv(
        "Mail,Plan\nada@example.org,pro\n",
        column_map={"email": "Mail", "properties": {"plan": {"column": "Plan"}}},
        segments=["VIP"],
        topics={"News": "opt_out"},
    )
    assert job.counts["created"] == 1
    (member,) = call.get(f"/segments/{segment.id}/contacts")["data"]
    assert call.get(f"/contacts/{member['id']}")["properties"]["plan"]["value"] == "pro"
    assert list(fake.webhooks.deliveries) == []


@pytest.mark.parametrize("act", ["segment", "topic", "property"])
def test_what_does_not_exist_cannot_be_deleted(fake: FakeResend, act: str) -> None:
    with pytest.raises(ApiError, match="not_found"):
        getattr(fake.dashboard, f"delete_{act}")("nothing")


def test_seeded_people_are_spread_over_what_there_is(fake: FakeResend, call: Caller) -> None:
    for _ in range(2):  # those already there stay as they are
        fake.dashboard.seed(contacts=40, segments=["A", "B"], topics=["News"], properties=["plan"])
    fake.dashboard.seed(contacts=10, domain="example.com", unsubscribed_every=2)
    state = fake.state()
    assert len(state["contacts"]) == 50
    assert sum(row["unsubscribed"] for row in state["contacts"]) == 5
    assert sum(bool(row["topics"]) for row in state["contacts"]) == 4
    assert sorted(row["members"] for row in state["segments"]) == [0, 0, 20, 20]
    newest = call.get("/contacts?limit=1")["data"][0]
    assert newest["email"] == "person10@example.com"


def test_a_hundred_thousand_people_are_walked_without_a_gap(clock: Clock) -> None:
    fake = FakeResend(clock=clock)
    fake.dashboard.seed(contacts=100_000, segments=1)
    call, seen, cursor = Caller(fake), 0, ""
    (segment,) = call.get("/segments")["data"]
    while True:
        page = call.get(f"/segments/{segment['id']}/contacts?limit=100{cursor}")
        seen += len(page["data"])
        if not page["has_more"]:
            break
        cursor = f"&after={page['data'][-1]['id']}"
    assert seen == 100_000


def test_calls_from_many_threads_do_not_disturb_each_other(fake: FakeResend, call: Caller) -> None:
    def create(number: int) -> int:
        return call("POST", "/contacts", {"email": f"person{number % 50}@example.org"}).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(create, range(400))) == {201}
    assert len(call.get("/contacts")["data"]) == 50
    assert fake.ledger.total == 401
