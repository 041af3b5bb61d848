"""A stateful fake Resend for tests and demos. Needs nothing but Python."""

from .clock import Clock
from .fake import FakeResend
from .quirks import QUIRKS, UnknownQuirk
from .replies import Reply
from .webhooks import Delivery

__all__ = ["QUIRKS", "Clock", "Delivery", "FakeResend", "Reply", "UnknownQuirk"]
