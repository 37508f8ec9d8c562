"""The clock that decides what is old: the wall clock, except that a jump is only believed after a while.

A machine without a battery for its clock boots years in the past and jumps once the network tells it the time; a wrong
time server can make it jump, and soon back again. What such a jump destroys stays lost: deleted lines, names given to
others, forgotten ticket keys. So a jump only counts once it has lasted. Entries are stamped with the wall clock all the
same; their order is their seq.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from sockatuh.room.moments import rfc3339

BELIEVED_AFTER: Final = 600.0
"""Seconds for which the wall clock must run on after a jump before its time is believed."""
JUMP_MS: Final = 60_000
"""Milliseconds by which the wall clock must differ from the time that has passed to count as a jump."""


class TrustedClock:
    """Follows `wall` (milliseconds since 1970); `monotonic` is in seconds and never jumps."""

    def __init__(self, wall: Callable[[], int], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._ahead = self._gap()
        self._jumped = self._ahead
        self._jumped_at = monotonic()

    def read(self) -> int:
        """Return the time in milliseconds since 1970. Call it every few seconds, so that it notices jumps."""
        gap, now = self._gap(), self._monotonic()
        if abs(gap - self._jumped) > JUMP_MS:
            self._jumped, self._jumped_at = gap, now
        if abs(gap - self._ahead) <= JUMP_MS or now - self._jumped_at >= BELIEVED_AFTER:
            self._ahead = self._jumped = gap
        return int(now * 1000) + self._ahead

    def _gap(self) -> int:
        return self._wall() - int(self._monotonic() * 1000)


def oldest_kept(now: int, retention: float) -> str | None:
    """Return the time before which nothing is kept, None if everything is kept."""
    return None if math.isinf(retention) else rfc3339(max(0, now - int(retention * 1000)))
