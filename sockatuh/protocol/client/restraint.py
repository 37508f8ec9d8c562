"""How far one client follows its server: what it answers, how often it asks, when it comes back (see `clamps`)."""

from __future__ import annotations

from collections.abc import Callable

from sockatuh.protocol.constants import PUT_OFF
from sockatuh.protocol.messages import Refused

from .clamps import (
    BUSY_SECONDS,
    CALLS_BURST,
    CALLS_PER_SECOND,
    CLOSED_SECONDS,
    COME_BACK_AFTER,
    NEXT_TRY_SECONDS,
    REFUSED_SECONDS,
    REPLIES_BURST,
    REPLIES_PER_SECOND,
    SHORT_SESSION,
    SHORT_SESSIONS,
    Budget,
)
from .events import JoinRefused
from .state import SEAT_CODES


class Restraint:
    """The bounds of one peer, over all its sessions."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self.replies = Budget(REPLIES_PER_SECOND, REPLIES_BURST)
        """What the server's datagrams may lead to."""
        self._calls = Budget(CALLS_PER_SECOND, CALLS_BURST)
        self._random = random
        self._connected_at = 0.0
        self._short_sessions = 0

    def connected(self, now: float) -> None:
        """Note that a session begins."""
        self._connected_at = now

    def reply_at(self, at: float | None) -> float | None:
        """Return when a reply that is due at a time may leave; None: there is none."""
        return None if at is None else max(at, self.replies.ready_at)

    def call_at(self, at: float) -> float:
        """Return when a call that is wanted at a time may be made, and count it."""
        at = max(at, self._calls.ready_at)
        self._calls.spend(at)
        return at

    def time_away(self, now: float, wait: float) -> float:
        """Return for how many seconds to stay away after a session that is over, when `wait` is asked for."""
        wait = CLOSED_SECONDS(wait)
        self._short_sessions = self._short_sessions + 1 if now - self._connected_at < SHORT_SESSION else 0
        if self._short_sessions <= SHORT_SESSIONS:
            return wait
        low, high = COME_BACK_AFTER
        return max(wait, low + (high - low) * self._random(1)[0] / 255)


def wait_of(refused: Refused) -> float:
    """Return the seconds to wait after a refusal."""
    if refused.code == "busy" or refused.code in SEAT_CODES:  # after which the client asks by itself
        clamp = BUSY_SECONDS
    else:
        clamp = NEXT_TRY_SECONDS if refused.code in PUT_OFF else REFUSED_SECONDS
    return clamp(refused.wait_ms / 1000)


def put_off_by(code: str, wait_ms: int) -> JoinRefused | None:
    """Return why a session was closed, if that is a reason not to be in yet."""
    return JoinRefused(code, CLOSED_SECONDS(wait_ms / 1000), "") if code == "crowded" else None
