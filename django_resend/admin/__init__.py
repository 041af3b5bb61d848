"""The admin: thin pages over the mirror. What is changed here waits in the outbox.

To change a page, unregister its model and register a subclass of the class below.
"""

from .bookkeeping import (
    CallBudgetAdmin,
    ConflictAdmin,
    ConsentRecordAdmin,
    OutboxAdmin,
    SyncRunAdmin,
    TombstoneAdmin,
    WebhookEventAdmin,
)
from .contacts import ContactAdmin
from .definitions import ContactPropertyAdmin, SegmentAdmin, TopicAdmin
from .jobs import JobAdmin

__all__ = [
    "CallBudgetAdmin",
    "ConflictAdmin",
    "ConsentRecordAdmin",
    "ContactAdmin",
    "ContactPropertyAdmin",
    "JobAdmin",
    "OutboxAdmin",
    "SegmentAdmin",
    "SyncRunAdmin",
    "TombstoneAdmin",
    "TopicAdmin",
    "WebhookEventAdmin",
]
