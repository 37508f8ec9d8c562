"""Counts what one client has sent and what it waited for, over all its sessions: what `/net` shows of the network.

An answer is timed from when something was asked to when it was answered, if it was asked once only: after a repetition
nobody knows which of the two was answered (Karn's algorithm, RFC 6298 §3).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Final

import msgspec

from sockatuh.protocol.seam import Address

TIMES_KEPT: Final = 8
"""Answers of which the shortest time is reported; the server measures in the same way (docs/PROTOCOL.md §6)."""


class LinkReport(msgspec.Struct, frozen=True):
    """How the network between a client and its server has been; times are seconds, None before there are any.

    `best_answer` is the shortest of the last eight, `lost_for` the time without contact, with a loss that still
    lasts.
    """

    address: Address | None
    server_key: bytes
    best_answer: float | None
    last_answer: float | None
    sent: int
    repeated: int
    losses: int
    lost_for: float


class LinkCounts:
    """Counts of one client; `now` is monotonic seconds."""

    def __init__(self) -> None:
        self.sent = 0
        """Datagrams of any kind."""
        self._repeated = self._losses = 0
        self._times: deque[float] = deque(maxlen=TIMES_KEPT)
        self._lines: dict[int, float | None] = {}
        """When each line without an answer was sent; None: it was repeated, or its time would not be the network's."""
        self._asked: dict[Hashable, float | None] = {}
        """The same for what was asked in this session."""
        self._lost_for = 0.0
        self._lost_at: float | None = None

    def send_lines(self, datagrams: Mapping[int, int], now: float) -> None:
        """Count datagrams of lines: how many for each number."""
        for number, count in datagrams.items():
            if number in self._lines:
                self._repeated += count
                self._lines[number] = None
            else:
                self._lines[number] = now if count == 1 else None

    def answer_line(self, number: int, now: float) -> None:
        """Note that a line was answered."""
        self._note(self._lines.pop(number, None), now)

    def delay_lines(self) -> None:
        """Note that lines wait at the server, which says nothing about the network."""
        self._lines = dict.fromkeys(self._lines)

    def ask(self, what: Hashable, now: float, *, is_quick: bool = True) -> None:
        """Count a question; `is_quick`: the server answers it at once."""
        if what in self._asked:
            self._repeated += 1
            self._asked[what] = None
        else:
            self._asked[what] = now if is_quick else None

    def answer(self, what: Hashable, now: float) -> None:
        """Note that a question was answered."""
        self._note(self._asked.pop(what, None), now)

    def close_session(self) -> None:
        """Forget what was asked in the session."""
        self._asked.clear()

    def lose(self, now: float) -> None:
        """Note that contact is lost."""
        self._losses += 1
        if self._lost_at is None:
            self._lost_at = now

    def find_again(self, now: float) -> None:
        """Note that contact is back."""
        self._lost_for, self._lost_at = self._lost_until(now), None

    def report(self, address: Address | None, server_key: bytes, now: float) -> LinkReport:
        """Return the counts so far."""
        best, last = min(self._times, default=None), self._times[-1] if self._times else None
        counts = self.sent, self._repeated, self._losses, self._lost_until(now)
        return LinkReport(address, server_key, best, last, *counts)

    def _lost_until(self, now: float) -> float:
        return self._lost_for + (0.0 if self._lost_at is None else now - self._lost_at)

    def _note(self, asked_at: float | None, now: float) -> None:
        if asked_at is not None:
            self._times.append(now - asked_at)
