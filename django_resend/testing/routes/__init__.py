"""The vendor's routes, one module for each resource."""

from . import (
    audiences,
    contacts,
    imports,
    memberships,
    properties,
    segments,
    subscriptions,
    suppressions,
    topics,
    webhooks,
)
from .table import routes

__all__ = [
    "audiences",
    "contacts",
    "imports",
    "memberships",
    "properties",
    "routes",
    "segments",
    "subscriptions",
    "suppressions",
    "topics",
    "webhooks",
]
