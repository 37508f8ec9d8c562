"""The timers of a server, in the order in which those that are due at the same time are handled."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from enum import IntEnum, auto

from sockatuh.protocol.timers import TimerTable

from .session import Session


class ServerTimer(IntEnum):
    """What a server waits for. No deadline is found by iterating over the sessions."""

    SWEEP = auto()
    """Resend what sessions have not acknowledged in time."""
    THROTTLE = auto()
    """Accept lines of a session again that had to wait for its rate."""
    OFFER = auto()
    """Make further offers: more were asked for than a turn makes."""
    PROBE = auto()
    """Challenge (again) the new address of a session."""
    TICK = auto()
    """Look for what has timed out, once a second."""


class SessionDeadlines:
    """Deadlines of single sessions, behind one timer of the table that is set to the first of them."""

    __slots__ = ("_heap", "_timer", "_timers")

    def __init__(self, timers: TimerTable[ServerTimer], timer: ServerTimer) -> None:
        self._timers, self._timer = timers, timer
        self._heap: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, session: Session, at: float) -> None:
        """Add a deadline, in monotonic seconds; earlier ones of the same session stay."""
        heapq.heappush(self._heap, (at, session.cid))
        self._timers.set_by(self._timer, at)

    def take_due(self, now: float) -> Iterator[int]:
        """Remove the deadlines that are due, and yield the cid of each; the session may be gone by now."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[1]
        if self._heap:
            self._timers.set(self._timer, self._heap[0][0])
