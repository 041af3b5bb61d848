"""The same histories amid members of a segment, so many that pulls leave the list to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from django_resend.client.resources.contacts import Contacts
from django_resend.client.resources.segments import Segments
from django_resend.sync import coverage
from django_resend.sync.pull import pull_all

from .test_histories import SEGMENTS, Histories, run_histories

MEMBERS = [f"member{number}@example.org" for number in range(8)]

members = st.sampled_from(MEMBERS)


class LongLists(Histories):
    @initialize()
    def begin(self) -> None:
        super().begin()
        for member in MEMBERS:
            self.create_member(member)
            self.pass_time(60)
        pull_all(client=self.world.client)

    @rule(member=members)
    def create_member(self, member: str) -> None:
        if not self.world.remote(member):
            self.world.fake.dashboard.create_contact(member, segments=SEGMENTS[1:])
            self.wishes.made_there(member)

    @rule(member=members, name=st.sampled_from(["Ada", "Bo"]))
    def rename_member(self, member: str, name: str) -> None:
        self.rename_there(member, name)

    @rule(member=members)
    def unsubscribe_member(self, member: str) -> None:
        self.unsubscribe_there(member)

    @rule(member=members)
    def delete_member(self, member: str) -> None:
        if self.world.remote(member):
            self.wishes.forget_unseen(member, self.here(member))
            self.world.fake.dashboard.delete_contact(member)
            self.wishes.there.discard(member)

    @rule(member=members)
    def member_leaves(self, member: str) -> None:
        if self.world.remote(member):
            self.world.fake.dashboard.remove_from_segment(member, SEGMENTS[1])


@pytest.mark.django_db(transaction=True)
def test_every_history_ends_in_agreement_where_lists_are_long(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Contacts.page, "__defaults__", (None, 1))
    monkeypatch.setattr(Segments.contact_page, "__defaults__", (None, 1))
    monkeypatch.setattr(coverage, "MAX_LIMIT", 1)
    monkeypatch.setattr(coverage, "LEAST_PAGES", 2)
    run_histories(LongLists, settings, threshold=0)
