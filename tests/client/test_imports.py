"""Imports are uploaded while they are read."""

from __future__ import annotations

import email
import io
import json
import tracemalloc
from email.message import Message
from typing import Any

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from django_resend.client import Client, errors
from django_resend.client.resources.imports import MAX_FILE_BYTES
from tests.client.canned import answer, answering, client_of
from tests.client.wire import Wire, say

CSV = b"email\r\nada@example.org\r\n"


def parts_of(request: requests.PreparedRequest, content: bytes) -> dict[str, Message]:
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + content)
    found: dict[str, Message] = {}
    for part in message.get_payload():
        assert isinstance(part, Message)
        found[str(part.get_param("name", header="content-disposition"))] = part
    return found


def upload(
    file: io.BytesIO, filename: str = "people.csv", **options: Any
) -> tuple[dict[str, Message], bytes, requests.PreparedRequest]:
    """Import a file, and return the parts and the bytes that arrived."""
    arrived: list[bytes] = []

    def reply(request: requests.PreparedRequest) -> urllib3.HTTPResponse:
        arrived.append(b"".join(request.body or ()))  # type: ignore[arg-type]
        return answer(201, {"object": "contact_import", "id": "i1"})

    client, canned = client_of(reply)
    options = {"column_map": None, "on_conflict": "skip", **options}
    assert client.imports.create(file, filename=filename, **options) == "i1"
    [request] = canned.requests
    return parts_of(request, arrived[0]), arrived[0], request


def test_the_parts_are_those_of_the_documentation() -> None:
    column_map = {"email": "E-mail", "properties": {"plan": {"column": "Plan", "type": "string"}}}
    parts, body, request = upload(
        io.BytesIO(CSV),
        column_map=column_map,
        on_conflict="upsert",
        segments=["s1"],
        topics={"t1": "opt_in"},
    )
    assert set(parts) == {"file", "column_map", "on_conflict", "segments", "topics"}
    assert parts["file"].get_content_type() == "text/csv"
    assert parts["file"].get_filename() == "people.csv"
    assert parts["on_conflict"].get_payload() == "upsert"
    assert json.loads(str(parts["column_map"].get_payload())) == column_map
    assert json.loads(str(parts["segments"].get_payload())) == [{"id": "s1"}]
    assert json.loads(str(parts["topics"].get_payload())) == [
        {"id": "t1", "subscription": "opt_in"}
    ]
    assert CSV in body
    assert request.headers["Content-Length"] == str(len(body))


def test_what_is_not_given_is_not_sent_but_on_conflict_always_is() -> None:
    parts, _, _ = upload(io.BytesIO(CSV))
    assert set(parts) == {"file", "on_conflict"}


@given(content=st.binary(min_size=1, max_size=200_000), start=st.integers(0, 50))
def test_the_rest_of_the_file_arrives_unchanged(content: bytes, start: int) -> None:
    file = io.BytesIO(b"x" * start + content)
    file.seek(start)
    _, body, request = upload(file)
    assert b"Content-Type: text/csv\r\n\r\n" + content + b"\r\n--" in body
    assert request.headers["Content-Length"] == str(len(body))


@given(st.text(st.characters(codec="utf-8")))
def test_a_filename_cannot_add_a_header_or_a_part(filename: str) -> None:
    parts, body, _ = upload(io.BytesIO(CSV), filename=f'{filename}"\r\nX-Evil: 1')
    assert set(parts) == {"file", "on_conflict"}
    assert b"\r\nX-Evil" not in body


@pytest.mark.parametrize("on_conflict", [None, "", "replace"])
def test_on_conflict_has_to_be_chosen(on_conflict: Any) -> None:
    client, canned = answering(201, {"id": "i1"})
    with pytest.raises(ValueError, match="upsert or skip"):
        client.imports.create(
            io.BytesIO(CSV), filename="a.csv", column_map=None, on_conflict=on_conflict
        )
    assert canned.requests == []


class Long(io.RawIOBase):
    """A file of any size that takes no memory."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self.at = offset + (self.size if whence == io.SEEK_END else 0)
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int | None = -1, /) -> bytes:
        left = self.size - self.at
        taken = left if size is None or size < 0 else min(size, left)
        self.at += taken
        return b"x" * taken


@pytest.mark.parametrize("size", [0, MAX_FILE_BYTES, MAX_FILE_BYTES * 5])
def test_a_file_that_is_empty_or_too_long_is_refused_before_sending(size: int) -> None:
    client, canned = answering(201, {"id": "i1"})
    with pytest.raises(ValueError, match="bytes"):
        client.imports.create(
            Long(size),  # type: ignore[arg-type]
            filename="a.csv",
            column_map=None,
            on_conflict="skip",
        )
    assert canned.requests == []


def test_a_file_in_text_mode_is_refused_before_sending() -> None:
    client, canned = answering(201, {"id": "i1"})
    with pytest.raises(TypeError):
        client.imports.create(
            io.StringIO("email"),  # type: ignore[arg-type]
            filename="a.csv",
            column_map=None,
            on_conflict="skip",
        )
    assert canned.requests == []


def test_a_long_file_takes_no_memory(wire: Wire) -> None:
    wire.then = say(b'{"id": "i1"}', 201)
    with Client("re_test", base_url=wire.url) as client:
        tracemalloc.start()
        client.imports.create(
            Long(MAX_FILE_BYTES - 1),  # type: ignore[arg-type]
            filename="long.csv",
            column_map=None,
            on_conflict="skip",
        )
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    [seen] = wire.seen
    assert seen.body_bytes > MAX_FILE_BYTES - 1
    assert peak < 5_000_000


def test_a_refusal_before_the_upload_ends_is_reported(wire: Wire) -> None:
    wire.then = say(b'{"name": "validation_error", "message": "CSV missing"}', 422)
    with Client("re_test", base_url=wire.url) as client, pytest.raises(errors.Refused):
        client.imports.create(
            io.BytesIO(CSV), filename="a.csv", column_map=None, on_conflict="skip"
        )
