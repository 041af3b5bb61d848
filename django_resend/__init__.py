"""Keep a Django site and its Resend contacts in step."""

__version__ = "0.1.0"
