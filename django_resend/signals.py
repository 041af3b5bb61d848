"""The signals this app publishes. Connect receivers to them as to any Django signal."""

from __future__ import annotations

from django.dispatch import Signal

outbox_changed = Signal()
"""Sent after the commit that recorded a local change. Argument: ``using`` (database alias)."""

job_queued = Signal()
"""Sent after the commit that queued a job. Argument: ``job`` (a ``Job``)."""

conflict_settled = Signal()
"""Sent after the commit that settled a conflict. Argument: ``conflict`` (a ``ConflictRecord``)."""

contact_created = Signal()
"""Sent after the commit that brought a new contact from Resend. Argument: ``contact``."""

contact_changed = Signal()
"""Sent after the commit that took over changes made at Resend.

Arguments: ``contact``, and ``fields``, the names of those that changed here.
"""

contact_unsubscribed = Signal()
"""Sent after the commit that took over an opt-out from all broadcasts. Argument: ``contact``."""

topic_subscription_changed = Signal()
"""Sent after the commit that took over a topic choice other than what held until then.

Arguments: ``contact``, ``topic`` and ``subscription`` (``"opt_in"`` or ``"opt_out"``).
"""

contact_deleted = Signal()
"""Sent after the commit that deleted a contact because Resend had. Argument: ``contact``, as it
was."""
