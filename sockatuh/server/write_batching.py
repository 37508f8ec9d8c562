"""When the log is to start writing: at once in a quiet room, a datagram's worth at a time in a busy one.

Fan-out costs about the same for one line as for as many as fill a datagram. So while members talk faster than the last
lines can be fanned out, lines are collected until they fill a datagram, as TCP collects keystrokes (RFC 896). They are
held no longer than the last fan-out took, in which time they could not have been sent anyway.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final

from sockatuh.protocol.server.packing import ITEM_BYTES
from sockatuh.room.entries import size_of
from sockatuh.room.log import Append

MAX_WAIT: Final = 0.02
"""The longest that a line is held, in seconds, however large the room is."""
MIN_WAIT: Final = 0.001
"""The shortest time that a line is held, in seconds: the event loop's timers are no finer."""
SURPLUS: Final = 48
"""Bytes that a line takes in the log but not in a datagram, mostly its owner. An overestimate costs a datagram."""


class WriteBatcher:
    """Passes appends to the log and wakes it when they are to be written; times are monotonic seconds."""

    def __init__(
        self,
        append: Callable[[Append], None],
        wake: Callable[[], None],
        call_later: Callable[[float, Callable[[], None]], object],
        clock: Callable[[], float],
    ) -> None:
        self._append, self._wake = append, wake
        self._call_later, self._clock = call_later, clock
        self._waiting: deque[Append] = deque()
        self._full = 0
        self._size = 0
        self._until = -math.inf
        self._is_timed = False

    def put(self, append: Append) -> None:
        """Accept an append; `flush` passes it to the log."""
        size = _datagram_bytes(append)
        self._waiting.append(append)
        self._size = self._size + size if self._size + size <= ITEM_BYTES else size
        if self._size + size > ITEM_BYTES:  # another of this size would not fit
            self._full, self._size = len(self._waiting), 0

    def note_fanout(self, began_at: float, ended_at: float) -> None:
        """Note how long the fan-out of the last lines took."""
        self._until = ended_at + min(ended_at - began_at, MAX_WAIT)

    def flush(self) -> None:
        """Have the log write what fills datagrams now, and the rest when it has been held long enough."""
        left = self._until - self._clock()
        if left < MIN_WAIT:
            self._begin(len(self._waiting))
            self._size = 0
        elif self._full:
            self._begin(self._full)
        if self._waiting and not self._is_timed:
            self._is_timed = True
            self._call_later(left, self._on_timer)

    def _begin(self, count: int) -> None:
        if count:
            for _ in range(count):
                self._append(self._waiting.popleft())
            self._full = 0
            self._wake()

    def _on_timer(self) -> None:
        self._is_timed = False
        self.flush()


def _datagram_bytes(append: Append) -> int:
    """Return about how many bytes an append takes in a datagram, at least 1 for each entry."""
    size = max(1, size_of(append.body) - SURPLUS)
    return size if append.also is None else size + _datagram_bytes(append.also)
