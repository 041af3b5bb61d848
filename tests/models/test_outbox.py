"""Every way of changing the mirror reaches the outbox, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_resend.models import (
    ConsentError,
    Contact,
    ContactProperty,
    MembershipRemoval,
    OutboxEntry,
    Segment,
    SegmentMembership,
    Tombstone,
    Topic,
    TopicSubscription,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Contact:
    return Contact.objects.create(email="ada@example.org")


@pytest.fixture
def bob() -> Contact:
    return Contact.objects.create(email="bob@example.org")


@pytest.fixture
def friends() -> Segment:
    segment: Segment = Segment.objects.create(name="Friends")
    return segment


@pytest.fixture
def news() -> Topic:
    topic: Topic = Topic.objects.create(name="News", default_subscription="opt_in")
    return topic


def changed_by(act: Callable[[], Any]) -> set[tuple[str, int]]:
    """What an act puts into the outbox; and, rolled back, what it leaves there."""
    OutboxEntry.objects.all().delete()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        act()
        _ = 1 / 0
    assert not OutboxEntry.objects.exists()
    act()
    return set(OutboxEntry.objects.values_list("kind", "object_id"))


class TestContacts:
    def test_update(self, ada: Contact, bob: Contact) -> None:
        rows = Contact.objects.filter(email__startswith="ada")

        assert changed_by(lambda: rows.update(first_name="Ada")) == {("contact", ada.pk)}

    def test_update_of_bookkeeping_only(self, ada: Contact) -> None:
        assert changed_by(lambda: Contact.objects.update(pushed_at=timezone.now())) == set()

    def test_update_by_a_filter_that_the_update_itself_affects(self, ada: Contact) -> None:
        rows = Contact.objects.filter(first_name="")

        assert changed_by(lambda: rows.update(first_name="Ada")) == {("contact", ada.pk)}

    def test_bulk_create(self) -> None:
        emails = ["a@example.org", "b@example.org"]
        changed = changed_by(
            lambda: Contact.objects.bulk_create(Contact(email=email) for email in emails)
        )

        assert changed == {("contact", pk) for pk in Contact.objects.values_list("pk", flat=True)}
        assert len(changed) == 2

    def test_bulk_create_that_ignores_conflicts(self, ada: Contact) -> None:
        rows = [Contact(email="ADA@example.org"), Contact(email="new@example.org")]
        changed = changed_by(lambda: Contact.objects.bulk_create(rows, ignore_conflicts=True))

        assert ("contact", Contact.objects.get(email="new@example.org").pk) in changed

    def test_bulk_update(self, ada: Contact, bob: Contact) -> None:
        def act() -> None:
            rows = [ada, bob]
            for row in rows:
                row.first_name = "Someone"
            Contact.objects.bulk_update(rows, ["first_name"])

        assert changed_by(act) == {("contact", ada.pk), ("contact", bob.pk)}

    def test_get_or_create_and_update_or_create(self, ada: Contact) -> None:
        get, update = Contact.objects.get_or_create, Contact.objects.update_or_create

        assert changed_by(lambda: get(email=ada.email)) == set()
        assert changed_by(lambda: update(email=ada.email, defaults={"first_name": "Ada"})) == {
            ("contact", ada.pk)
        }

    def test_any_number_in_a_constant_number_of_queries(self) -> None:
        def queries(count: int) -> int:
            rows = [Contact(email=f"p{n}of{count}@example.org") for n in range(count)]
            with CaptureQueriesContext(connection) as captured:
                Contact.objects.bulk_create(rows)
                Contact.objects.filter(email__contains=f"of{count}@").update(first_name="X")
            return len(captured)

        assert queries(50) == queries(2)

    @pytest.mark.parametrize("way", ["instance", "queryset"])
    def test_delete(self, ada: Contact, way: str) -> None:
        Contact.untracked.update(remote_id="id-1")
        pk = ada.pk
        rows = Contact.objects.filter(pk=pk)

        changed = changed_by(lambda: rows.get().delete() if way == "instance" else rows.delete())

        assert changed == {("contact", pk)}
        assert OutboxEntry.objects.get().remote_id == "id-1"
        grave = Tombstone.objects.get()
        assert (grave.email, grave.origin, grave.settled_at) == ("ada@example.org", "local", None)

    def test_delete_of_what_resend_never_had(self, ada: Contact) -> None:
        ada.delete()

        assert not OutboxEntry.objects.exists()

    def test_delete_remembers_the_opt_outs(self, ada: Contact, news: Topic) -> None:
        Contact.untracked.update(remote_id="id-1")
        Topic.untracked.update(remote_id="topic-1")
        ada.opt_out(news)
        Contact.objects.update(unsubscribed=True)
        Contact.objects.all().delete()

        grave = Tombstone.objects.get()
        assert (grave.unsubscribed, grave.topic_opt_outs) == (True, ["topic-1"])


@pytest.mark.parametrize("model", [Segment, Topic, ContactProperty])
class TestDefinitions:
    FIELD = {Segment: "name", Topic: "description", ContactProperty: "fallback_value"}

    def make(self, model: Any, name: str) -> Any:
        return model(**{"key" if model is ContactProperty else "name": name})

    def test_save_update_and_bulk(self, model: Any) -> None:
        field = self.FIELD[model]
        row = self.make(model, "one")
        row.save()
        entry = {(str(model.kind), row.pk)}

        def save() -> None:
            fresh = model.objects.get(pk=row.pk)
            setattr(fresh, field, "saved")
            fresh.save()

        def bulk_update() -> None:
            fresh = model.objects.get(pk=row.pk)
            setattr(fresh, field, "bulk")
            model.objects.bulk_update([fresh], [field])

        assert changed_by(save) == entry
        assert changed_by(lambda: model.objects.update(**{field: "updated"})) == entry
        assert changed_by(bulk_update) == entry

    @pytest.mark.parametrize("way", ["instance", "queryset"])
    def test_delete(self, model: Any, way: str) -> None:
        row = self.make(model, "one")
        row.save()
        model.untracked.update(remote_id="id-1")
        rows = model.objects.filter(pk=row.pk)

        changed = changed_by(lambda: rows.get().delete() if way == "instance" else rows.delete())

        assert changed == {(str(model.kind), row.pk)}
        assert OutboxEntry.objects.get().remote_id == "id-1"
        assert Tombstone.objects.get().remote_id == "id-1"


@pytest.mark.parametrize("model", [Segment, Topic])
def test_definitions_made_in_bulk_reach_the_outbox(model: Any) -> None:
    changed = changed_by(lambda: model.objects.bulk_create([model(name="one"), model(name="two")]))

    keys = model.objects.values_list("pk", flat=True)
    assert changed == {(str(model.kind), pk) for pk in keys}
    assert len(changed) == 2


def test_properties_made_in_bulk_reach_the_outbox_and_stay_unique() -> None:
    ContactProperty.objects.bulk_create([ContactProperty(key="one"), ContactProperty(key="two")])

    assert OutboxEntry.objects.filter(kind="property").count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactProperty.objects.create(key="one")


class TestSegmentsOfAContact:
    def confirmed(self, contact: Contact, *segments: Segment) -> None:
        now = timezone.now()
        SegmentMembership.untracked.bulk_create(
            SegmentMembership(contact=contact, segment=s, sent_at=now, confirmed_at=now)
            for s in segments
        )

    def test_add(self, ada: Contact, friends: Segment) -> None:
        assert changed_by(lambda: ada.segments.add(friends)) == {("contact", ada.pk)}
        assert list(ada.segments.all()) == [friends]

    def test_add_from_the_other_side(self, ada: Contact, bob: Contact, friends: Segment) -> None:
        changed = changed_by(lambda: friends.contacts.add(ada, bob))

        assert changed == {("contact", ada.pk), ("contact", bob.pk)}

    def test_adding_again_is_no_change(self, ada: Contact, friends: Segment) -> None:
        ada.segments.add(friends)

        assert changed_by(lambda: ada.segments.add(friends)) == set()

    @pytest.mark.parametrize(
        "act",
        [
            lambda ada, friends: ada.segments.remove(friends),
            lambda ada, friends: ada.segments.set([]),
            lambda ada, friends: ada.segments.clear(),
            lambda ada, friends: friends.contacts.remove(ada),
            lambda ada, friends: friends.contacts.clear(),
            lambda ada, friends: SegmentMembership.objects.all().delete(),
            lambda ada, friends: SegmentMembership.objects.get().delete(),
        ],
        ids=["remove", "set", "clear", "other side", "other side's clear", "queryset", "row"],
    )
    def test_leaving_is_recorded_until_resend_knows(
        self, ada: Contact, friends: Segment, act: Callable[[Contact, Segment], None]
    ) -> None:
        self.confirmed(ada, friends)

        assert changed_by(lambda: act(ada, friends)) == {("contact", ada.pk)}
        assert not ada.segments.exists()
        removal = MembershipRemoval.objects.get()
        assert (removal.contact, removal.segment) == (ada, friends)

    def test_set_changes_only_what_differs(self, ada: Contact, friends: Segment) -> None:
        family, work = (Segment.objects.create(name=name) for name in ("Family", "Work"))
        self.confirmed(ada, friends, family)

        assert changed_by(lambda: ada.segments.set([family, work])) == {("contact", ada.pk)}
        assert {s.name for s in ada.segments.all()} == {"Family", "Work"}
        assert [r.segment for r in MembershipRemoval.objects.all()] == [friends]
        assert SegmentMembership.objects.get(segment=family).confirmed_at is not None

    def test_leaving_what_resend_never_knew_needs_no_removal(
        self, ada: Contact, friends: Segment
    ) -> None:
        ada.segments.add(friends)
        ada.segments.clear()

        assert not MembershipRemoval.objects.exists()

    def test_leaving_and_coming_back_is_as_if_nothing_had_been(
        self, ada: Contact, friends: Segment
    ) -> None:
        self.confirmed(ada, friends)
        ada.segments.clear()
        ada.segments.add(friends)

        assert not MembershipRemoval.objects.exists()
        assert SegmentMembership.objects.get().confirmed_at is not None

    def test_a_pair_is_there_once(self, ada: Contact, friends: Segment) -> None:
        for _ in range(2):
            SegmentMembership.objects.bulk_create([SegmentMembership(contact=ada, segment=friends)])

        assert SegmentMembership.objects.count() == 1

    def test_many_members_at_a_constant_number_of_queries(self, friends: Segment) -> None:
        def queries(count: int) -> int:
            people = Contact.objects.bulk_create(
                Contact(email=f"p{n}of{count}@example.org") for n in range(count)
            )
            with CaptureQueriesContext(connection) as captured:
                friends.contacts.add(*people)
                friends.contacts.remove(*people)
            return len(captured)

        assert queries(60) == queries(3)


class TestTopicsOfAContact:
    def test_adding_a_topic_is_an_opt_in(self, ada: Contact, news: Topic) -> None:
        assert changed_by(lambda: ada.topics.add(news)) == {("contact", ada.pk)}
        assert TopicSubscription.objects.get().subscription == "opt_in"

    def test_adding_a_topic_takes_no_opt_out_back(self, ada: Contact, news: Topic) -> None:
        ada.opt_out(news)
        ada.topics.add(news)

        assert TopicSubscription.objects.get().subscription == "opt_out"

    def test_opting_out_and_in(self, ada: Contact, news: Topic) -> None:
        assert changed_by(lambda: ada.opt_out(news)) == {("contact", ada.pk)}
        assert changed_by(lambda: ada.opt_in(news, by="operator", reason="asked")) == {
            ("contact", ada.pk)
        }
        assert TopicSubscription.objects.get().subscription == "opt_in"

    @pytest.mark.parametrize(
        "act",
        [
            lambda ada, news: ada.topics.remove(news),
            lambda ada, news: ada.topics.clear(),
            lambda ada, news: ada.topics.set([]),
            lambda ada, news: TopicSubscription.objects.all().delete(),
            lambda ada, news: TopicSubscription.objects.get().delete(),
        ],
        ids=["remove", "clear", "set", "queryset", "row"],
    )
    def test_a_choice_can_not_be_forgotten(
        self, ada: Contact, news: Topic, act: Callable[[Contact, Topic], None]
    ) -> None:
        ada.opt_out(news)

        with pytest.raises(ConsentError), transaction.atomic():
            act(ada, news)
        assert TopicSubscription.objects.get().subscription == "opt_out"

    @pytest.mark.parametrize("way", ["save", "update", "bulk_create", "bulk_update"])
    def test_no_other_way_opts_in_again(self, ada: Contact, news: Topic, way: str) -> None:
        row = ada.opt_out(news)
        row.subscription = "opt_in"
        acts: dict[str, Callable[[], Any]] = {
            "save": row.save,
            "update": lambda: TopicSubscription.objects.update(subscription="opt_in"),
            "bulk_update": lambda: TopicSubscription.objects.bulk_update([row], ["subscription"]),
            "bulk_create": lambda: TopicSubscription.objects.bulk_create(
                [TopicSubscription(contact=ada, topic=news, subscription="opt_in")]
            ),
        }
        try:
            with transaction.atomic():
                acts[way]()
        except ConsentError:
            pass
        else:
            assert way == "bulk_create"  # a choice already made stays as it is
        assert TopicSubscription.objects.get().subscription == "opt_out"
