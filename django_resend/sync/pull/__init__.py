"""Pull: Resend to local."""

from .run import PullReport, pull_all

__all__ = ["PullReport", "pull_all"]
