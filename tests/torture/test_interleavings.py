"""Every order of a few small steps, with each of them lost or repeated, ends in agreement.

The steps are those of which two-way mirrors are known to go wrong: one field changed back and
forth, an old page that brings a deleted row back, a save that creates again what was deleted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import permutations

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.test import override_settings
from django.utils import timezone

from django_resend.client import Client
from django_resend.client.rows import ContactRow
from django_resend.models import Contact, ContactProperty, OutboxEntry, Segment, Tombstone, Topic
from django_resend.sync.apply import apply_contacts
from django_resend.sync.pull import pull_all
from django_resend.sync.pull.definitions import pages, store_definitions
from django_resend.sync.push import push_outbox
from django_resend.testing.replies import ApiError
from tests.oracle import differences

from .witness import Witness

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ADDRESS = "ada@example.org"
SAMPLE = 41
STEP_SECONDS = {"at once": 0, "minutes apart": 60}


@pytest.fixture
def fake() -> Iterator[Witness]:
    fake = Witness()
    site = {"API_KEY": "re_test", "RATE_LIMIT": 0}
    with fake.serve(), override_settings(RESEND={**site, "BASE_URL": fake.url}):
        yield fake
    fake.close()


class World:
    """One contact on both sides, and the steps that anybody may take."""

    def __init__(self, fake: Witness, client: Client) -> None:
        self._fake = fake
        self._client = client
        self._page: tuple[list[ContactRow], datetime] | None = None
        fake.reset()
        fake.writes.clear()
        for model in (Contact, Segment, Topic, ContactProperty):
            model.untracked.all().delete()
        OutboxEntry.objects.all().delete()
        Tombstone.objects.all().delete()
        fake.dashboard.create_contact(ADDRESS, first_name="First")
        pull_all(deep=False)
        self._stale: Contact = Contact.objects.get()

    def local_edit(self) -> None:
        """By a process that loaded the contact long ago."""
        self._stale.first_name = "Local"
        with suppress(DatabaseError):
            self._stale.save()

    def remote_edit(self) -> None:
        with suppress(ApiError):
            self._fake.dashboard.edit_contact(ADDRESS, first_name="Remote")

    def local_delete(self) -> None:
        Contact.objects.all().delete()

    def remote_delete(self) -> None:
        with suppress(ApiError):
            self._fake.dashboard.delete_contact(ADDRESS)

    def read(self) -> None:
        """A pull reads the page..."""
        self._page = ([], timezone.now())
        self._page = (list(self._client.contacts.page(None).rows), self._page[1])

    def apply(self) -> None:
        """...and applies it later."""
        if self._page is not None:
            with transaction.atomic():
                apply_contacts(self._page[0], fetched_at=self._page[1])

    def push(self) -> None:
        push_outbox()

    def pull(self) -> None:
        pull_all(deep=False)

    def settle(self) -> None:
        """Two quiet rounds of sync; the second finds nothing to do."""
        OutboxEntry.objects.update(next_attempt_at=timezone.now(), state=OutboxEntry.State.PENDING)
        pull_all(deep=False)
        push_outbox()
        pull_all(deep=False)
        before = len(self._fake.writes)
        assert push_outbox().calls == 0
        pull_all(deep=False)
        assert len(self._fake.writes) == before
        assert not OutboxEntry.objects.exists()
        assert differences(self._fake) == []


def orders(*steps: str, always: str = "") -> list[tuple[str, ...]]:
    """Every order of these steps, whole and with any but one of them lost.

    An even sample of them, unless TORTURE_FULL is set.
    """
    found: dict[tuple[str, ...], None] = {}
    for length in range(1, len(steps) + 1):
        found.update(dict.fromkeys(permutations(steps, length)))
    stories = [story for story in found if not always or always in story]
    return stories if os.environ.get("TORTURE_FULL") else stories[::SAMPLE]


def play(
    fake: Witness,
    pace: str,
    stories: Iterable[tuple[str, ...]],
    check: Callable[[tuple[str, ...]], None],
) -> None:
    """Play each story in a world of its own, then let it settle and check the end."""
    with Client("re_test", base_url=fake.url) as client:
        for story in stories:
            now = timezone.now()
            with time_machine.travel(now, tick=True) as traveller:
                world = World(fake, client)
                traveller.shift(3600)
                for step in story:
                    traveller.shift(STEP_SECONDS[pace])
                    getattr(world, step)()
                traveller.shift(3600)
                try:
                    world.settle()
                    check(story)
                except AssertionError as error:
                    raise AssertionError(f"{' -> '.join(story)}: {error}") from error


@pytest.mark.parametrize("pace", STEP_SECONDS)
def test_a_field_that_both_sides_change_settles_once(fake: Witness, pace: str) -> None:
    def check(story: tuple[str, ...]) -> None:
        name = Contact.objects.get().first_name
        wanted = {"local_edit": "Local", "remote_edit": "Remote"}
        assert name in ({wanted[step] for step in story if step in wanted} or {"First"})
        assert [path for method, path in fake.writes if method == "POST"] == []
        assert len(fake.writes) <= story.count("local_edit")

    stories = orders("local_edit", "remote_edit", "read", "apply", "push", "apply")
    play(fake, pace, stories, check)


@pytest.mark.parametrize("pace", STEP_SECONDS)
def test_what_was_deleted_here_is_never_revived(fake: Witness, pace: str) -> None:
    def check(story: tuple[str, ...]) -> None:
        assert not Contact.objects.exists()
        assert fake.state()["contacts"] == []

    stories = orders(
        "local_delete", "read", "apply", "push", "remote_edit", "local_edit", always="local_delete"
    )
    play(fake, pace, stories, check)


@pytest.mark.parametrize("pace", STEP_SECONDS)
def test_what_was_deleted_at_resend_is_never_inserted_again(fake: Witness, pace: str) -> None:
    def check(story: tuple[str, ...]) -> None:
        assert not Contact.objects.exists()
        assert fake.state()["contacts"] == []
        assert [path for method, path in fake.writes if method == "POST"] == []

    stories = orders(
        "remote_delete", "local_edit", "read", "apply", "push", "pull", always="remote_delete"
    )
    play(fake, pace, stories, check)


@pytest.mark.parametrize("pace", STEP_SECONDS)
@pytest.mark.parametrize("way", ["local_delete", "remote_delete"])
def test_a_page_read_before_a_deletion_and_applied_after_it_revives_nothing(
    fake: Witness, way: str, pace: str
) -> None:
    client = Client("re_test", base_url=fake.url)
    with client, time_machine.travel(timezone.now(), tick=True) as traveller:
        world = World(fake, client)
        traveller.shift(3600)
        for step in ("read", way, "push", "pull", "apply"):
            getattr(world, step)()
            traveller.shift(STEP_SECONDS[pace])
        assert not Contact.objects.exists()


@pytest.mark.parametrize("kind", [Segment, Topic, ContactProperty])
def test_a_definition_deleted_while_its_list_was_read_is_not_revived(
    fake: Witness, kind: type[Segment | Topic | ContactProperty]
) -> None:
    fake.dashboard.create_segment("VIP")
    fake.dashboard.create_topic("News", "opt_in")
    fake.dashboard.create_property("plan")
    pull_all()
    old = timezone.now()
    rows = list(next(pages(client := Client("re_test", base_url=fake.url), kind.kind)))
    client.close()
    kind.objects.get().delete()
    assert push_outbox().complete
    with transaction.atomic():
        store_definitions(kind.kind, rows, begun=old)
    assert not kind.objects.exists()
