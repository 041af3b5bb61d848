"""Push: local to Resend."""

from .run import PushReport, push_outbox

__all__ = ["PushReport", "push_outbox"]
