"""Fills the fake as a stranger would: through the vendor's own SDK."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import resend
from resend.exceptions import ResendError

from example_project.demo.console import Step
from example_project.demo.data import Person, read_definitions, read_people
from example_project.demo.environment import FAKE_KEY
from example_project.demo.errors import DemoFailed

THREADS = 4
"""The SDK opens a connection a call; its key is one for the whole process, and so is ours."""


def fill(url: str, step: Step) -> int:
    """Create the demo's team at this address; returns the number of contacts."""
    resend.api_key = FAKE_KEY
    resend.api_url = url
    people = read_people()
    try:
        segments, topics = _define()
        _create(people, segments, topics, step)
    except ResendError as error:
        raise DemoFailed(f"The SDK's call failed: {error}") from error
    return len(people)


def _define() -> tuple[dict[str, str], dict[str, str]]:
    """Create the definitions; returns the ids of segments and of topics by name."""
    definitions = read_definitions()
    for body in definitions["properties"]:
        resend.ContactProperties.create(body)
    segments = {
        name: resend.Segments.create({"name": name})["id"] for name in definitions["segments"]
    }
    topics = {body["name"]: resend.Topics.create(body)["id"] for body in definitions["topics"]}
    return segments, topics


def _create(
    people: list[Person], segments: dict[str, str], topics: dict[str, str], step: Step
) -> None:
    step.stage("contacts", len(people))
    pool = ThreadPoolExecutor(THREADS)
    try:
        calls = [
            pool.submit(resend.Contacts.create, _body(person, segments, topics))
            for person in people
        ]
        for call in as_completed(calls):
            call.result()
            step.advance(1)
    finally:
        pool.shutdown(cancel_futures=True)


def _body(person: Person, segments: dict[str, str], topics: dict[str, str]) -> Any:
    """What is missing stays out, as a person who writes a call by hand would leave it out."""
    body = {
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "unsubscribed": person.unsubscribed,
        "properties": person.properties,
        "segments": [{"id": segments[name]} for name in person.segments],
        "topics": [
            {"id": topics[name], "subscription": choice} for name, choice in person.topics.items()
        ],
    }
    return {key: value for key, value in body.items() if value not in ("", [], {})}
