"""Any address is one part of a path, and stays what it was."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_resend.client import Client
from django_resend.client.paths import encode
from tests.client.canned import BASE_URL, answer, answering, client_of
from tests.client.wire import Wire

ANY_TEXT = st.text(st.characters(codec="utf-8"), min_size=1)


@given(ANY_TEXT.filter(lambda part: part not in (".", "..")))
@example("ada+news@example.org")
@example("a/b@example.org")
@example("../segments")
@example("%2e%2e")
@example("?limit=1#x")
@example("{contact}")
@example("...")
def test_any_address_round_trips_through_a_path(address: str) -> None:
    client, canned = client_of(lambda _: answer(200, {"id": "c1"}))
    client.contacts.add_segment(address, "s1")
    path = urlsplit(canned.requests[0].url or "").path
    root, contacts, contact, segments, segment = path.split("/")
    assert (root, contacts, segments, segment) == ("", "contacts", "segments", "s1")
    assert unquote(contact) == address


def test_the_socket_carries_the_same_path(wire: Wire) -> None:
    with Client("re_test", base_url=wire.url) as client:
        client.contacts.delete("a/b+c%2F..@example.org")
    assert wire.seen[0].line == "DELETE /contacts/a%2Fb%2Bc%252F..%40example.org HTTP/1.1"


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_part_that_changes_the_route_is_refused_before_sending(part: str) -> None:
    client, canned = answering(200, {})
    for call in (client.contacts.delete, client.segments.delete, client.topics.get):
        with pytest.raises(ValueError, match="part of a path"):
            call(part)
    with pytest.raises(ValueError, match="part of a path"):
        client.contacts.remove_segment("c1", part)
    assert canned.requests == []
    assert client.calls == 0


@pytest.mark.parametrize("part", [None, 5, b"c1"])
def test_a_part_that_is_no_text_is_refused(part: object) -> None:
    with pytest.raises(TypeError):
        encode(part)  # type: ignore[arg-type]


def test_a_base_url_may_end_in_a_slash_and_have_a_path() -> None:
    client = Client("re_test", base_url=f"{BASE_URL}/resend/")
    _, canned = answering(200, {"id": "c1", "email": "a@b.c"})
    client.session.mount(BASE_URL, canned)
    client.contacts.get("c1")
    assert canned.requests[0].url == f"{BASE_URL}/resend/contacts/c1"


@pytest.mark.parametrize("url", ["", "api.resend.com", "ftp://api.resend.com", "https://", "/x"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        Client("re_test", base_url=url)
