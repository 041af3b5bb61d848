"""Rare turns of the engine, each a promise of its own."""

from __future__ import annotations

import os
from typing import Any

import pytest

from django_resend.client import errors
from django_resend.client.rows import PropertyRow
from django_resend.models import Contact, ContactProperty, Segment, SyncRun
from django_resend.sync.calls import open_client, within_limit
from django_resend.sync.drift import find_drift
from django_resend.sync.erasure import erase_values
from django_resend.sync.errors import NotConfigured
from django_resend.sync.plan import plan_drift
from django_resend.sync.pull import pull_all
from django_resend.sync.runs import HOST, ended
from django_resend.sync.states import remote_property
from django_resend.testing import FakeResend

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(resend_fake: FakeResend) -> FakeResend:
    resend_fake.dashboard.seed(contacts=4, segments=["VIP", "All"], topics=1, properties=1)
    pull_all()
    resend_fake.ledger.reset()
    return resend_fake


def drift(**options: Any) -> list[tuple[str, str]]:
    return sorted((str(d.kind), d.cause.value) for d in find_drift(**options).differences)


class TestSamples:
    def test_an_empty_mirror_has_nothing_to_sample(self, resend_fake: FakeResend) -> None:
        assert find_drift(sample=5).drift == 0
        assert "GET /contacts/{id}" not in resend_fake.ledger.by_route

    def test_a_contact_that_is_gone_is_told(self, site: FakeResend) -> None:
        site.dashboard.delete_contact(Contact.objects.earliest("pk").email)
        assert drift(sample=4) == [("contact", "gone from Resend since the last pull")]

    def test_memberships_are_compared_both_ways(self, site: FakeResend) -> None:
        contact = Contact.objects.earliest("pk")
        mine = contact.segments.values_list("name", flat=True)
        other = next(name for name in ("VIP", "All") if name not in mine)
        site.dashboard.add_to_segment(contact.email, other)
        for name in mine:
            site.dashboard.remove_from_segment(contact.email, name)
        changed = ("membership", "changed at Resend since the last pull")
        assert drift(sample=4) == [changed] * (1 + len(mine))

    def test_the_price_of_a_sample_does_not_grow_with_the_table(self, site: FakeResend) -> None:
        assert plan_drift(sample=2).calls < plan_drift(sample=4).calls
        assert plan_drift(sample=4).calls == plan_drift(sample=4000).calls
        assert plan_drift(deep=True).calls > plan_drift().calls


def test_definitions_new_at_resend_are_drift(site: FakeResend) -> None:
    site.dashboard.create_segment("New")
    site.dashboard.create_topic("New", "opt_in")
    site.dashboard.create_property("new", "string")
    new = "new at Resend since the last pull"
    assert drift(deep=True) == [("property", new), ("segment", new), ("topic", new)]


def test_a_call_that_the_limit_keeps_out_is_given_up_after_five_tries() -> None:
    tries = []

    def call() -> None:
        tries.append(1)
        raise errors.RateLimited

    with pytest.raises(errors.RateLimited):
        within_limit(call)
    assert len(tries) == 5


def test_an_address_that_names_no_host_is_a_setting_to_mend(settings: Any) -> None:
    settings.RESEND = {"API_KEY": "re_test", "BASE_URL": "http://"}
    with pytest.raises(NotConfigured, match="name a host"):
        open_client()


@pytest.mark.parametrize("may_look", [True, False])
def test_a_living_process_of_this_host_is_not_taken_for_dead(
    may_look: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(pid: int, signal: int) -> None:
        if not may_look:
            raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    owner = f"{HOST}:1:abc"
    run = SyncRun.objects.create(action="push", owner=owner)
    assert ended([run.pk]) == []


def test_a_new_property_with_the_key_of_a_deleted_one_keeps_its_values(site: FakeResend) -> None:
    key = ContactProperty.objects.get().key
    having = Contact.objects.exclude(properties={}).count()
    assert erase_values(key) == having > 0
    contact = Contact.objects.earliest("pk")
    assert set(contact.properties) == {key}
    assert (contact.base or {})["properties"] == {}


def test_the_values_of_a_deleted_property_go_also_where_no_base_tells_of_them(
    site: FakeResend,
) -> None:
    key = ContactProperty.objects.get().key
    ContactProperty.untracked.all().delete()
    Contact.untracked.update(base=None)
    erase_values(key)
    assert all(contact.properties == {} for contact in Contact.objects.all())


def test_a_definition_that_does_not_tell_its_fallback_says_nothing_of_it() -> None:
    row = PropertyRow.read({"id": "p1", "key": "plan", "type": "string"})
    assert remote_property(row) == {"key": "plan", "type": "string"}
    assert Segment.objects.count() == 0
