"""A walk gives every row once, in order, or says that it broke."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from django_resend.client import Client, errors
from tests.client.canned import answer, answering, client_of


def query(request: requests.PreparedRequest) -> dict[str, str]:
    found = parse_qs(urlsplit(request.url or "").query)
    return {key: values[0] for key, values in found.items()}


def listing(
    total: int, *, most: int = 100, announced: bool = True
) -> tuple[Client, list[dict[str, str]]]:
    """A list of `total` segments whose pages hold at most `most` rows."""
    ids = [f"id-{number}" for number in range(total)]
    asked: list[dict[str, str]] = []

    def reply(request: requests.PreparedRequest) -> urllib3.HTTPResponse:
        told = query(request)
        asked.append(told)
        start = ids.index(told["after"]) + 1 if "after" in told else 0
        size = min(most, int(told["limit"]))
        body: dict[str, object] = {
            "object": "list",
            "data": [{"id": row} for row in ids[start : start + size]],
        }
        if announced:
            body["has_more"] = start + size < total
        return answer(200, body)

    client, _ = client_of(reply)
    return client, asked


@given(total=st.integers(0, 350), most=st.integers(1, 100))
def test_a_walk_gives_every_row_once_in_order(total: int, most: int) -> None:
    client, asked = listing(total, most=most)
    rows = [row.id for page in client.segments.pages() for row in page.rows]
    assert rows == [f"id-{number}" for number in range(total)]
    assert len(asked) == max(1, -(-total // most))
    assert {told["limit"] for told in asked} == {"100"}


@given(total=st.integers(0, 350))
def test_a_list_that_does_not_announce_more_is_walked_while_pages_are_full(total: int) -> None:
    client, _ = listing(total, announced=False)
    rows = [row.id for page in client.segments.pages() for row in page.rows]
    assert rows == [f"id-{number}" for number in range(total)]


@given(total=st.integers(1, 350), start=st.integers(0, 349))
def test_a_walk_resumes_after_any_row(total: int, start: int) -> None:
    start %= total
    client, _ = listing(total)
    rows = [row.id for page in client.segments.pages(after=f"id-{start}") for row in page.rows]
    assert rows == [f"id-{number}" for number in range(start + 1, total)]


def test_the_next_cursor_is_the_last_row_while_there_is_more() -> None:
    client, _ = listing(3)
    first = client.segments.page(limit=2)
    assert ([row.id for row in first.rows], first.has_more, first.next) == (
        ["id-0", "id-1"],
        True,
        "id-1",
    )
    last = client.segments.page(after=first.next, limit=2)
    assert ([row.id for row in last.rows], last.has_more, last.next) == (["id-2"], False, None)


def test_a_page_without_rows_that_announces_more_breaks_the_walk() -> None:
    client, canned = answering(200, {"object": "list", "has_more": True, "data": []})
    with pytest.raises(errors.BrokenWalk) as caught:
        list(client.contacts.pages())
    assert caught.value.verdict == "retry"
    assert caught.value.route == "/contacts"
    assert len(canned.requests) == 1


@given(cycle=st.integers(1, 5), lead=st.integers(0, 5))
def test_a_cursor_that_comes_back_breaks_the_walk(cycle: int, lead: int) -> None:
    def reply(request: requests.PreparedRequest) -> urllib3.HTTPResponse:
        number = int(query(request).get("after", "-1")) + 1
        row = number if number < lead + cycle else lead
        return answer(200, {"has_more": True, "data": [{"id": str(row)}]})

    client, canned = client_of(reply)
    with pytest.raises(errors.BrokenWalk):
        list(client.topics.pages())
    assert len(canned.requests) == lead + cycle + 1


def test_a_list_that_ignores_its_cursor_breaks_the_walk() -> None:
    client, canned = answering(200, {"has_more": True, "data": [{"id": "a"}, {"id": "b"}]})
    with pytest.raises(errors.BrokenWalk):
        list(client.topics.pages(after="b"))
    assert len(canned.requests) == 1


@pytest.mark.parametrize("limit", [0, 101, -1])
def test_a_limit_the_api_does_not_take_is_refused(limit: int) -> None:
    client, canned = answering(200, {"data": []})
    with pytest.raises(ValueError, match="limit"):
        client.contacts.page(limit=limit)
    assert canned.requests == []


@pytest.mark.parametrize(
    "body",
    [{}, {"data": None}, {"data": {}}, {"data": [None]}, {"data": [{"name": "no id"}]}, []],
)
def test_what_is_no_list_is_a_bad_answer_not_an_empty_one(body: object) -> None:
    client, _ = answering(200, body)
    with pytest.raises(errors.BadAnswer):
        list(client.segments.pages())


def test_pages_are_asked_for_one_by_one() -> None:
    client, asked = listing(300)
    walk = client.segments.pages()
    assert asked == []
    next(walk)
    assert len(asked) == 1


def test_imports_are_listed_by_status() -> None:
    client, canned = answering(200, {"has_more": False, "data": []})
    list(client.imports.pages(status="completed"))
    client.imports.page(status="queued")
    assert [query(request)["status"] for request in canned.requests] == ["completed", "queued"]
