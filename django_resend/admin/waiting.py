"""What a contact has that Resend is not known to have yet, in words."""

from __future__ import annotations

from django.db.models import F
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ..models import Contact, MembershipRemoval, Subscription

EMPTY: tuple[object, ...] = ("", None, {})


def waiting_changes(contact: Contact) -> list[str]:
    """One line a change, without the values: they stand on the page."""
    return [*_values(contact), *_segments(contact), *_topics(contact)]


def _values(contact: Contact) -> list[str]:
    if not contact.remote_id:
        return [_("Create the contact")]
    known = contact.base or {}
    return [
        capfirst(str(field.verbose_name))
        for field in contact._meta.fields
        if field.name in Contact.watched
        and not _alike(known.get(field.name), getattr(contact, field.name))
    ]


def _alike(known: object, value: object) -> bool:
    return known == value or (known in EMPTY and (value in EMPTY or value is False))


def _segments(contact: Contact) -> list[str]:
    added = contact.segmentmembership_set.filter(confirmed_at=None)
    removed = MembershipRemoval.objects.filter(contact=contact)
    names = "segment__name"
    return [
        *(_("Add to segment %s") % name for name in added.values_list(names, flat=True)),
        *(_("Remove from segment %s") % name for name in removed.values_list(names, flat=True)),
    ]


def _topics(contact: Contact) -> list[str]:
    rows = contact.topicsubscription_set.exclude(subscription=F("base"))
    labels = dict(Subscription.choices)
    return [
        _("Topic %(topic)s: %(choice)s") % {"topic": name, "choice": labels.get(choice, choice)}
        for name, choice in rows.values_list("topic__name", "subscription")
    ]
