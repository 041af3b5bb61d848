"""Bulk push: many contacts of one sort in a CSV import instead of a call or two each."""

from .run import Bulk, left_open

__all__ = ["Bulk", "left_open"]
