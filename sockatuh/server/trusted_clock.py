"""The time by which is decided what is old: the wall clock's, but not at once when that jumps.

A machine without a battery for its clock starts years ago and jumps when the network tells it better; a time server
that is wrong makes it jump back again soon. What is lost by such a jump stays lost: lines that are deleted, names that
are given to others, ticket keys that are forgotten. So a jump counts only when it has lasted. Entries are stamped with
the wall clock all the same, and their order is their seq.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from sockatuh.store.database import rfc3339

BELIEVED_AFTER: Final = 600.0
"""Seconds for which the wall clock must go on from where it has jumped to."""
JUMP_MS: Final = 60_000
"""Milliseconds more or less than have passed that make it a jump."""


class SteadyClock:
    """Follows `wall`, in milliseconds since 1970; `monotonic` is in seconds and only ever passes."""

    def __init__(self, wall: Callable[[], int], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._ahead = self._gap()
        self._jumped = self._ahead
        self._jumped_at = monotonic()

    def read(self) -> int:
        """Return the time in milliseconds since 1970; to be asked every few seconds, so that it sees jumps."""
        gap, now = self._gap(), self._monotonic()
        if abs(gap - self._jumped) > JUMP_MS:
            self._jumped, self._jumped_at = gap, now
        if abs(gap - self._ahead) <= JUMP_MS or now - self._jumped_at >= BELIEVED_AFTER:
            self._ahead = self._jumped = gap
        return int(now * 1000) + self._ahead

    def _gap(self) -> int:
        return self._wall() - int(self._monotonic() * 1000)


def oldest_kept(now: int, retention: float) -> str | None:
    """Return the time before which nothing is kept, None to keep all."""
    return None if math.isinf(retention) else rfc3339(max(0, now - int(retention * 1000)))
