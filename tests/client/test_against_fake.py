"""Every method against the fake Resend over HTTP, with each side of every disputed behaviour."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_resend.client import MISSING, Client, errors
from django_resend.testing import QUIRKS, FakeResend

ABSENT = "00000000-0000-4000-8000-000000000000"
SIDES = [(name, value) for name, quirk in QUIRKS.items() for value in quirk.values]


@pytest.fixture
def fake() -> Iterator[FakeResend]:
    server = FakeResend()
    yield server
    server.close()


@pytest.fixture
def client(fake: FakeResend) -> Iterator[Client]:
    with fake.serve() as server, Client("re_test", base_url=server.url) as client:
        yield client


@pytest.fixture(params=SIDES, ids="=".join)
def quirk(request: pytest.FixtureRequest, fake: FakeResend) -> str:
    """One side of one disputed behaviour."""
    name, value = request.param
    fake.quirks[name] = value
    return f"{name}={value}"


def test_a_contact_lives_its_whole_life(client: Client, quirk: str) -> None:
    contacts = client.contacts
    client.properties.create(key="plan", type="string", fallback_value="free")
    client.properties.create(key="seats", type="number")
    segment, other = client.segments.create("VIP"), client.segments.create("Beta")
    topic = client.topics.create(name="News", default_subscription="opt_in")

    id = contacts.create(
        email="Ada+News@Example.org",
        unsubscribed=True,
        first_name="Ada",
        properties={"plan": "pro", "seats": 4},
        segments=[segment],
        topics={topic: "opt_out"},
    )
    for name in (id, "ada+news@example.org", "ADA+news@example.org"):
        row = contacts.get(name)
        assert (row.id, row.email, row.first_name) == (id, "ada+news@example.org", "Ada")
        assert row.unsubscribed is True
        assert row.created_at is not None
        assert row.properties == {"plan": "pro", "seats": 4}
    assert not row.last_name

    contacts.update(id, {"first_name": "", "last_name": "L", "properties": {"plan": None}})
    row = contacts.get(id)
    assert not row.first_name
    assert row.last_name == "L"
    assert row.unsubscribed is True
    assert isinstance(row.properties, dict)
    assert row.properties["seats"] == 4
    assert row.properties.get("plan") in (None, "free")

    contacts.add_segment(id, other)
    contacts.add_segment(id, other)
    assert {s.id for page in contacts.segment_pages(id) for s in page.rows} == {segment, other}
    assert contacts.remove_segment(id, segment) is True
    assert [s.name for s in contacts.segment_page(id).rows] == ["Beta"]
    assert [c.id for page in client.segments.contact_pages(other) for c in page.rows] == [id]
    assert client.segments.contact_page(segment).rows == []

    contacts.set_topics(id, {topic: "opt_in"})
    [subscription] = [s for page in contacts.topic_pages(id) for s in page.rows]
    assert (subscription.id, subscription.name) == (topic, "News")
    unconfirmed = quirk == "topics_patch=ignored"
    assert subscription.subscription == ("opt_out" if unconfirmed else "opt_in")

    [listed] = contacts.page().rows
    assert (listed.id, listed.unsubscribed) == (id, True)
    assert contacts.delete(id) is True
    assert contacts.delete(id) is (quirk == "delete_absent=200")
    with pytest.raises(errors.NotFound) as caught:
        contacts.get(id)
    assert caught.value.proves_absence


def test_definitions_live_their_whole_life(client: Client, quirk: str) -> None:
    segment = client.segments.create("VIP")
    assert client.segments.get(segment).name == "VIP"
    if quirk in ("segment_rename=404", "segment_rename=405"):
        with pytest.raises((errors.NotFound, errors.MethodNotAllowed)):
            client.segments.rename(segment, "VIP 2")
    else:
        client.segments.rename(segment, "VIP 2")
        assert client.segments.page().rows[0].name == "VIP 2"
    assert client.segments.delete(segment) is True
    assert client.segments.page().rows == []

    topic = client.topics.create(
        name="News", default_subscription="opt_out", description="Weekly", visibility="public"
    )
    client.topics.update(topic, {"name": "Daily", "description": "Each day"})
    row = client.topics.get(topic)
    assert (row.name, row.description, row.default_subscription, row.visibility) == (
        "Daily",
        "Each day",
        "opt_out",
        "public",
    )
    assert client.topics.page().rows[0].id == topic
    assert client.topics.delete(topic) is True

    definition = client.properties.create(key="seats", type="number", fallback_value=1)
    client.properties.update(definition, None)
    [found] = [p for page in client.properties.pages() for p in page.rows]
    assert (found.id, found.key, found.type, found.fallback_value) == (
        definition,
        "seats",
        "number",
        None,
    )
    with pytest.raises((errors.Refused, errors.Locked)):
        client.properties.create(key="seats", type="number")
    assert client.properties.delete(definition) is True
    with pytest.raises(errors.NotFound):
        client.properties.get(definition)


def test_webhooks_live_their_whole_life(client: Client, quirk: str) -> None:
    created = client.webhooks.create("https://example.org/hook", ["contact.created"])
    assert isinstance(created.signing_secret, str)
    row = client.webhooks.get(created.id)
    assert row.signing_secret in (created.signing_secret, None, MISSING)
    client.webhooks.update(created.id, {"status": "disabled", "events": ["contact.deleted"]})
    [row] = [w for page in client.webhooks.pages() for w in page.rows]
    assert (row.status, row.events) == ("disabled", ["contact.deleted"])
    assert row.endpoint == "https://example.org/hook"
    assert client.webhooks.rotate_secret(created.id) != created.signing_secret
    assert client.webhooks.delete(created.id) is True
    assert client.webhooks.page().rows == []


def test_an_import_is_uploaded_and_read_back(client: Client, fake: FakeResend, quirk: str) -> None:
    segment = client.segments.create("Imported")
    client.properties.create(key="plan", type="string")
    file = io.BytesIO(b"E-mail,First,Plan\r\nada@example.org,Ada,pro\r\nbob@example.org,Bob,\r\n")
    column_map = {
        "email": "E-mail",
        "first_name": "First",
        "properties": {"plan": {"column": "Plan", "type": "string"}},
    }

    def create() -> str:
        return client.imports.create(
            file,
            filename="people.csv",
            column_map=column_map,
            on_conflict="upsert",
            segments=[segment],
        )

    if quirk == "imports=refused":
        with pytest.raises(errors.ResendError) as caught:
            create()
        assert caught.value.verdict in ("fix", "stop")
        return
    id = create()
    assert client.imports.get(id).status in ("queued", "in_progress", "completed")
    fake.clock.advance(3600)
    row = client.imports.get(id)
    assert row.status == "completed"
    assert isinstance(row.counts, dict)
    assert (row.counts["total"], row.counts["created"]) == (2, 2)
    assert [job.id for page in client.imports.pages(status="completed") for job in page.rows] == [
        id
    ]
    members = {row.email for row in client.segments.contact_page(segment).rows}
    assert members == {"ada@example.org", "bob@example.org"}
    assert client.contacts.get("ada@example.org").properties == {"plan": "pro"}


def test_every_list_is_walked_to_its_end(client: Client, fake: FakeResend, quirk: str) -> None:
    fake.dashboard.seed(contacts=250, segments=1, topics=1, properties=1)
    rows = [row for page in client.contacts.pages() for row in page.rows]
    assert len({row.id for row in rows}) == len(rows) == 250
    [segment] = client.segments.page().rows
    members = [row.id for page in client.segments.contact_pages(segment.id) for row in page.rows]
    assert members == [row.id for row in rows]
    half = [row.id for page in client.contacts.pages(after=rows[99].id) for row in page.rows]
    assert half == [row.id for row in rows[100:]]


def test_a_cursor_whose_row_is_gone_never_looks_like_the_end(
    client: Client, fake: FakeResend, quirk: str
) -> None:
    fake.dashboard.seed(contacts=150)
    walk = client.contacts.pages()
    first = next(walk)
    fake.dashboard.delete_contact(first.rows[-1].id)
    seen = {row.id for row in first.rows}
    try:
        for page in walk:
            seen |= {row.id for row in page.rows}
    except errors.ResendError:
        return
    assert len(seen) == 150


@pytest.mark.parametrize(
    ("key", "kind", "name"),
    [
        ("re_unknown", errors.AccessRefused, "invalid_api_key"),
        ("re_sending", errors.AccessRefused, "restricted_api_key"),
    ],
)
def test_a_key_without_access_stops_the_run(
    fake: FakeResend, key: str, kind: type[errors.ResendError], name: str
) -> None:
    with (
        fake.serve() as server,
        Client(key, base_url=server.url) as client,
        pytest.raises(kind) as caught,
    ):
        client.contacts.page()
    assert (caught.value.verdict, caught.value.name) == ("stop", name)
    assert key not in str(caught.value)


def test_the_user_agent_passes_the_cdn_and_a_blocked_one_is_told(fake: FakeResend) -> None:
    with fake.serve() as server, Client("re_test", base_url=server.url) as client:
        assert client.contacts.page().rows == []
        client.session.headers["User-Agent"] = "Python-urllib/3.12"
        with pytest.raises(errors.UserAgentRefused):
            client.contacts.page()


@pytest.mark.parametrize(
    "call",
    ["get", "update", "add_segment", "set_topics", "segments", "topics"],
)
def test_an_absent_contact_is_not_found(client: Client, call: str) -> None:
    segment = client.segments.create("VIP")
    topic = client.topics.create(name="News", default_subscription="opt_in")
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: client.contacts.get(ABSENT),
        "update": lambda: client.contacts.update(ABSENT, {"first_name": "Ada"}),
        "add_segment": lambda: client.contacts.add_segment(ABSENT, segment),
        "set_topics": lambda: client.contacts.set_topics(ABSENT, {topic: "opt_out"}),
        "segments": lambda: client.contacts.segment_page(ABSENT),
        "topics": lambda: client.contacts.topic_page(ABSENT),
    }
    with pytest.raises(errors.NotFound):
        calls[call]()
    assert client.contacts.remove_segment(ABSENT, segment) is False


def test_an_address_resend_judges_invalid_is_refused(client: Client) -> None:
    with pytest.raises(errors.Refused) as caught:
        client.contacts.create(email="not an address", unsubscribed=True)
    assert caught.value.verdict == "fix"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 500}, errors.ServerFault),
        ({"kind": "html"}, errors.ServerFault),
        ({"kind": "html", "status": 200}, errors.BadAnswer),
        ({"kind": "html", "status": 429}, errors.RateLimited),
        ({"kind": "429"}, errors.RateLimited),
        ({"kind": "quota"}, errors.QuotaExceeded),
        ({"kind": "drop"}, errors.AnswerLost),
        ({"kind": "timeout", "seconds": 0.5}, errors.AnswerLost),
        ({"kind": "status", "status": 409}, errors.Locked),
    ],
)
@pytest.mark.parametrize("after_effect", [False, True])
def test_a_fault_says_whether_the_call_may_have_happened(
    fake: FakeResend, fault: dict[str, Any], kind: type[errors.ResendError], after_effect: bool
) -> None:
    with (
        fake.serve() as server,
        Client("re_test", base_url=server.url, timeout=(1.0, 0.2)) as client,
    ):
        fake.faults.add(**fault, after_effect=after_effect)
        with pytest.raises(kind) as caught:
            client.contacts.create(email="ada@example.org", unsubscribed=True)
        assert type(caught.value) is kind
        if kind in (errors.ServerFault, errors.BadAnswer, errors.AnswerLost):
            assert caught.value.ambiguous
        assert len(fake.state()["contacts"]) == after_effect
        assert len(client.contacts.page().rows) == after_effect


def test_both_ledgers_agree(client: Client, fake: FakeResend) -> None:
    fake.dashboard.seed(contacts=120, segments=2)
    list(client.contacts.pages())
    for segment in client.segments.page().rows:
        list(client.segments.contact_pages(segment.id))
    client.contacts.delete(ABSENT)
    assert client.calls == fake.ledger.total == 6
