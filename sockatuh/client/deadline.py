"""Limits the time that connecting may take, not counting the time a person takes to answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator


def loop_time() -> float:
    """Return the running loop's time: `time.monotonic()`, or virtual time in tests (sockatuh/testing.py)."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:  # no loop is running yet
        return time.monotonic()


class Patience:
    """Counts down from `seconds`; None is no limit."""

    def __init__(self, seconds: float | None, clock: Callable[[], float] | None = None) -> None:
        self.seconds = seconds
        self._clock = clock or loop_time
        self._ends_at = None if seconds is None else self._clock() + seconds

    def left(self, at_most: float | None = None) -> float | None:
        """Return the seconds left, but at most `at_most`; None is no limit."""
        if self._ends_at is None:
            return at_most
        left = max(0.0, self._ends_at - self._clock())
        return left if at_most is None else min(left, at_most)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the countdown during the block."""
        began_at = self._clock()
        try:
            yield
        finally:
            if self._ends_at is not None:
                self._ends_at += self._clock() - began_at
