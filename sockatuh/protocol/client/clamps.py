"""What a client lets a server ask of it: every number and every demand, and how far it follows (docs/PROTOCOL.md §7).

A server is chosen by a person and proves its key; that does not make it honest, or sane. Whatever it asks, its clients
send a bounded number of datagrams a second, wait a bounded time, and end when they are told to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sockatuh.protocol.constants import MAX_PARTS, MAX_PIECE


@dataclass(frozen=True, slots=True)
class Clamp:
    """The least and the most of a number that a server may name."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        """Return the nearest value that is within."""
        return min(max(value, self.low), self.high)


# What RESP says.
PING_SECONDS: Final = Clamp(1.0, 120.0)
"""ping_s. None at all would be a PING for each datagram; too many, and nobody notices that the server is gone."""
ACK_SECONDS: Final = Clamp(0.02, 10.0)
"""ack_ms, in seconds."""
TEXT_BYTES: Final = Clamp(1, MAX_PARTS * MAX_PIECE)
"""max_text: no longer text can be cut into parts."""

# How long a server may ask to wait, in seconds.
COOKIE_SECONDS: Final = Clamp(0.0, 5.0)
"""retry_ms of COOKIE."""
BUSY_SECONDS: Final = Clamp(0.25, 60.0)
"""wait_ms of REFUSED(busy): the client asks again by itself."""
REFUSED_SECONDS: Final = Clamp(0.0, 900.0)
"""wait_ms of any other REFUSED; an honest server names 10 minutes at most."""
NEXT_TRY_SECONDS: Final = Clamp(1.0, 900.0)
"""wait_ms of REFUSED(password_wait), after which a program tries again by itself."""
LINE_SECONDS: Final = Clamp(0.0, 30.0)
"""wait_ms of PROGRESS: the lines are said again after it."""
CLOSED_SECONDS: Final = Clamp(0.0, 30.0)
"""wait_ms of CLOSED: the client dials again after it."""

# How often it may be made to send.
REPLIES_PER_SECOND: Final = 200.0
REPLIES_BURST: Final = 200
"""ACK, GET, PATH_RESPONSE and SAYs that PROGRESS asked for: all that the server's datagrams lead to, together."""
CALLS_PER_SECOND: Final = 10.0
CALLS_BURST: Final = 60
"""New CALLs; an honest server answers no more either."""
SHORT_SESSION: Final = 10.0
"""Seconds: a server that ends a session sooner has given little."""
SHORT_SESSIONS: Final = 8
"""Such sessions in a row, after which the client takes its time before it dials again."""
COME_BACK_AFTER: Final = (0.5, 1.5)
"""That time in seconds, from and to."""
MEMBERS_LISTED: Final = 16_384
"""Members that are asked for page by page; no room is larger."""


class Budget:
    """So many a second, and `burst` at once (the generic cell rate algorithm); what is spent beyond is owed."""

    __slots__ = ("_burst_seconds", "_interval", "_paid_until")

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval = 1 / per_second
        self._burst_seconds = burst * self._interval
        self._paid_until = float("-inf")

    @property
    def ready_at(self) -> float:
        """From when on there is something to spend, in monotonic seconds."""
        return self._paid_until - self._burst_seconds + self._interval

    def is_ready(self, now: float) -> bool:
        """Tell whether there is something to spend."""
        return self.ready_at <= now

    def spend(self, now: float, count: int = 1) -> None:
        """Spend something, also what is not there."""
        self._paid_until = max(self._paid_until, now) + count * self._interval
