"""Ctrl-C, and whoever says SIGTERM."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


class Interrupts:
    """Both raise ``KeyboardInterrupt`` from now on, also in the background, where shells switch
    Ctrl-C off. Python drops what is raised in a finalizer: ``check`` raises it again.
    """

    def __init__(self) -> None:
        self._came = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)
        sys.unraisablehook = _tell_of_others

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if one of them came."""
        if self._came:
            raise KeyboardInterrupt

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        raise KeyboardInterrupt


def _tell_of_others(dropped: UnraisableHookArgs) -> None:
    if dropped.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(dropped)
