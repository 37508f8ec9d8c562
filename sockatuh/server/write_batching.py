"""When the log is to begin with what waits for it: at once in a quiet room, by the datagram in a busy one.

Telling everybody costs about the same for one line as for as many as fit a datagram. So while people talk faster than
they can be told, lines are gathered until a datagram is full, as TCP gathers keystrokes (RFC 896); but not for longer
than it took to tell the last ones, so nobody waits who would not have waited had he spoken a moment before.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final

from sockatuh.protocol.server.packing import ROOM
from sockatuh.store.roomlog import Append

MAX_WAIT: Final = 0.02
"""Seconds that lines wait for company at most, however large the room is."""
MIN_WAIT: Final = 0.001
"""Seconds below which nobody waits: the loop's timers are no finer."""
SURPLUS: Final = 62
"""Bytes that a line takes in the log and not in a datagram, mostly its owner."""


class Gathering:
    """Hands appends to the log, and wakes it when it is time to write them; times are monotonic seconds."""

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
        """Take an append, which `settle` hands to the log."""
        size = max(1, len(append.body or b"") - SURPLUS)
        self._waiting.append(append)
        self._size = self._size + size if self._size + size <= ROOM else size
        if self._size + size > ROOM:  # one more like it would not fit
            self._full, self._size = len(self._waiting), 0

    def told(self, began_at: float, ended_at: float) -> None:
        """Note how long it took to tell everybody the last lines."""
        self._until = ended_at + min(ended_at - began_at, MAX_WAIT)

    def settle(self) -> None:
        """Have the log begin with what fills datagrams, and with the rest when it has waited long enough."""
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
        self.settle()
