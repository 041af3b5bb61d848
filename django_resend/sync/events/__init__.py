"""Webhook events, applied to the mirror."""

from .claims import reopen
from .run import EventsReport, apply_events

__all__ = ["EventsReport", "apply_events", "reopen"]
