"""Drift: differences between mirror and Resend that no pending work explains."""

from .run import DriftReport, find_drift, repair_drift

__all__ = ["DriftReport", "find_drift", "repair_drift"]
