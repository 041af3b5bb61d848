"""The signals this app publishes. Connect receivers to them as to any Django signal."""

from __future__ import annotations

from django.dispatch import Signal

outbox_changed = Signal()
"""Sent after the commit that recorded a local change. Argument: ``using`` (database alias)."""

conflict_settled = Signal()
"""Sent after the commit that settled a conflict. Argument: ``conflict`` (a ``ConflictRecord``)."""
