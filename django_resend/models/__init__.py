"""The mirror, and its bookkeeping."""

from .budget import CallBudget
from .conflicts import ConflictRecord
from .consent import ConsentError, ConsentRecord
from .contacts import Contact
from .definitions import ContactProperty, Segment, Subscription, Topic
from .events import WebhookEvent
from .imports import ContactImport, ImportEntry
from .jobs import Job, JobResult
from .keys import email_key, exact_key
from .links import MembershipRemoval, SegmentMembership, TopicSubscription
from .outbox import Kind, OutboxEntry
from .runs import SyncRun
from .suppressions import Suppression
from .tombstones import Tombstone

__all__ = [
    "CallBudget",
    "ConflictRecord",
    "ConsentError",
    "ConsentRecord",
    "Contact",
    "ContactImport",
    "ContactProperty",
    "ImportEntry",
    "Job",
    "JobResult",
    "Kind",
    "MembershipRemoval",
    "OutboxEntry",
    "Segment",
    "SegmentMembership",
    "Subscription",
    "Suppression",
    "SyncRun",
    "Tombstone",
    "Topic",
    "TopicSubscription",
    "WebhookEvent",
    "email_key",
    "exact_key",
]
