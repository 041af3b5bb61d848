"""One call budget for all processes of the site: slots reserved ahead, a rate learned from replies.

Each caller takes the next free slot by compare-and-swap and sleeps until it has come, so that
whoever asks first calls first and nobody polls.
"""

from .limiter import Limiter, forbid_open_transaction
from .pace import FIRST_RATE, UNLIMITED
from .pause import ensure_unpaused, paused_until, resume
from .team import TEAM, ensure_team, lock_team
from .usage import Usage, current_rate, read_usage

__all__ = [
    "FIRST_RATE",
    "TEAM",
    "UNLIMITED",
    "Limiter",
    "Usage",
    "current_rate",
    "ensure_team",
    "ensure_unpaused",
    "forbid_open_transaction",
    "lock_team",
    "paused_until",
    "read_usage",
    "resume",
]
