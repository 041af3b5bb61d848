"""What is here of the addresses of one batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..models import Contact, SegmentMembership, Topic, TopicSubscription
from ..sync.memory import Memory
from .instructions import Orders


class Found:
    """The contacts by address key, their memberships and choices, and the tombstones' memory.

    At most six queries.
    """

    def __init__(self, keys: Sequence[str], orders: Orders, *, lock: bool) -> None:
        rows = Contact.objects.filter(email_key__in=keys).defer("raw", "base", "in_flight")
        if lock:
            rows = rows.order_by("pk").select_for_update()
        self.contacts: dict[str, Contact] = {row.email_key: row for row in rows} if keys else {}
        self.memory = Memory([], keys)
        self.memberships = defaultdict[int, set[int]](set)
        self.choices = defaultdict[int, dict[int, str]](dict)
        self._topics = {row.remote_id: row for row in orders.catalogue.topics.rows}
        if self.contacts:
            self._read([row.pk for row in self.contacts.values()], orders)

    def remembered_topics(self, key: str) -> list[Topic]:
        """The topics that this address had opted out of."""
        ids = self.memory.topics(key)
        return [self._topics[id] for id in ids if id in self._topics]

    def remembers(self, key: str, topic: Topic) -> bool:
        return topic.remote_id in self.memory.topics(key)

    def _read(self, pks: Sequence[int], orders: Orders) -> None:
        if orders.catalogue.segments.rows:
            members = SegmentMembership.objects.filter(contact_id__in=pks)
            for contact, segment in members.values_list("contact_id", "segment_id"):
                self.memberships[contact].add(segment)
        if self._topics:
            rows = TopicSubscription.objects.filter(contact_id__in=pks)
            for contact, topic, choice in rows.values_list(
                "contact_id", "topic_id", "subscription"
            ):
                self.choices[contact][topic] = choice
