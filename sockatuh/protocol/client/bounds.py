"""Limits on what a server can make a client do, by the numbers it sends and what it asks for (docs/PROTOCOL.md §7).

A server is chosen by a person and proves its key; that makes it neither honest nor free of bugs. Whatever it asks for,
its clients send a bounded number of datagrams a second, wait a bounded time, and stop when their user stops them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import msgspec

from sockatuh.protocol.constants import MAX_ORDER_MS, MAX_PARTS, MAX_PIECE, ORDER_CODES, PUT_OFF
from sockatuh.protocol.datagrams import jitter
from sockatuh.protocol.messages import Refused


class Clamp(msgspec.Struct, frozen=True):
    """The range to which a number that a server sends is limited."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        """Return the nearest accepted value."""
        return min(max(value, self.low), self.high)


# Numbers in RESP.
PING_SECONDS: Final = Clamp(1.0, 120.0)
"""ping_s. At 0 each datagram would be followed by a PING; far above 120 nobody would notice that the server is gone."""
ACK_SECONDS: Final = Clamp(0.02, 10.0)
"""ack_ms, in seconds."""
TEXT_BYTES: Final = Clamp(1, MAX_PARTS * MAX_PIECE)
"""max_text. A longer text cannot be cut into parts."""

# How long a server may ask to wait, in seconds.
COOKIE_SECONDS: Final = Clamp(0.0, 5.0)
"""retry_ms of COOKIE."""
BUSY_SECONDS: Final = Clamp(0.25, 60.0)
"""wait_ms of a REFUSED after which the client asks again by itself."""
REFUSED_SECONDS: Final = Clamp(0.0, 900.0)
"""wait_ms of any other REFUSED; an honest server names 10 minutes at most."""
NEXT_TRY_SECONDS: Final = Clamp(1.0, 900.0)
"""wait_ms of REFUSED(password_wait), after which a program tries again by itself."""
ORDER_SECONDS: Final = Clamp(0.0, MAX_ORDER_MS / 1000)
"""wait_ms of what an admin has ordered (`kicked`, `banned`, `muted`): it is shown, and nothing waits for it."""
LINE_SECONDS: Final = Clamp(0.0, 30.0)
"""wait_ms of PROGRESS, after which lines are sent again."""
CLOSED_SECONDS: Final = Clamp(0.0, 30.0)
"""wait_ms of CLOSED, after which the client dials again."""

# How many datagrams a server can make its client send.
REPLIES_PER_SECOND: Final = 200.0
REPLIES_BURST: Final = 200
"""ACK, GET, PATH_RESPONSE and the SAYs that PROGRESS asks for: all that a server can trigger."""
CALLS_PER_SECOND: Final = 10.0
CALLS_BURST: Final = 60
"""New CALLs; an honest server answers no more either."""
SHORT_SESSION: Final = 10.0
"""Seconds: sessions that end sooner count as short."""
SHORT_SESSIONS: Final = 8
"""Short sessions in a row after which the client pauses before it dials again."""
PAUSE: Final = 1.0
"""That pause in seconds, give or take half of it."""
MEMBERS_LISTED: Final = 16_384
"""Members that are requested page by page; no room is larger."""

MAX_DETAIL: Final = 200
"""Characters of a refusal's detail: a server cannot fill a screen with a text of its own."""
_CODE: Final = re.compile("[a-z_]{1,32}")
OWN_CODES: Final = frozenset(
    {
        "client_outdated",
        "name_missing",
        "password_changed",
        "password_missing",
        "server_unproven",
        "text_is_password",
        "unknown_server",
    }
)
"""Codes of what the client finds out by itself; a server cannot have it report them."""
SEAT_CODES: Final = frozenset({"room_full", "guests_full", "guests_from_address"})
"""Refusals that end as soon as a seat is free."""


class Budget:
    """Allows `per_second`, and `burst` at once (generic cell rate algorithm); overspending is paid back first."""

    __slots__ = ("_burst_seconds", "_interval", "_paid_until")

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval = 1 / per_second
        self._burst_seconds = burst * self._interval
        self._paid_until = float("-inf")

    @property
    def ready_at(self) -> float:
        """When there is something to spend, in monotonic seconds."""
        return self._paid_until - self._burst_seconds + self._interval

    def is_ready(self, now: float) -> bool:
        """Tell whether there is something to spend."""
        return self.ready_at <= now

    def spend(self, now: float, count: int = 1) -> None:
        """Spend, even more than there is."""
        self._paid_until = max(self._paid_until, now) + count * self._interval


class Bounds:
    """What a server can still make one client do, over all its sessions."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self.replies = Budget(REPLIES_PER_SECOND, REPLIES_BURST)
        self._calls = Budget(CALLS_PER_SECOND, CALLS_BURST)
        self._random = random
        self._opened_at = 0.0
        self._short_sessions = 0

    def open_session(self, now: float) -> None:
        """Note that a session begins."""
        self._opened_at = now

    def close_session(self, now: float, wait: float) -> float:
        """Note that the session has ended; return the seconds until the client dials again, asked to `wait`."""
        wait = CLOSED_SECONDS(wait)
        self._short_sessions = self._short_sessions + 1 if now - self._opened_at < SHORT_SESSION else 0
        return wait if self._short_sessions <= SHORT_SESSIONS else max(wait, PAUSE * jitter(self._random, 0.5))

    def reserve_call(self, at: float) -> float:
        """Reserve a call at a time or later, and return when it may be made."""
        at = max(at, self._calls.ready_at)
        self._calls.spend(at)
        return at


def code_untrusted(code: str) -> str:
    """Return a server's code, or `unknown` in place of a text that is none, or is one of the client's own."""
    return code if _CODE.fullmatch(code) and code not in OWN_CODES else "unknown"


def retry_seconds(refused: Refused) -> float:
    """Return the seconds to wait after a refusal."""
    if refused.code == "busy" or refused.code in SEAT_CODES:  # the client asks again by itself
        clamp = BUSY_SECONDS
    elif refused.code in ORDER_CODES:
        clamp = ORDER_SECONDS
    else:
        clamp = NEXT_TRY_SECONDS if refused.code in PUT_OFF else REFUSED_SECONDS
    return clamp(refused.wait_ms / 1000)
