"""Is the server still there? (docs/PROTOCOL.md §7)

Silence alone means nothing; a ping that stays unanswered does. A ping is sent after a long silence of ours, or
as soon as something we asked is not answered in time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sockatuh.protocol.constants import PING_RETRY_AFTER
from sockatuh.protocol.messages import Ping

DOUBT_AFTER: Final = 1.0
"""Seconds without a word from the server after which an unanswered request is a reason to ping."""


class Contact:
    """Knows when to ping, and when contact is lost."""

    def __init__(self, ping_seconds: float, random: Callable[[int], bytes], now: float) -> None:
        self._ping_seconds, self._random = ping_seconds, random
        self.heard_at = now
        self.lost = False
        self.due_at = now + ping_seconds
        self._nonce = b""
        self._tries = 0

    @property
    def is_doubtful(self) -> bool:
        """Tell whether a ping has gone unanswered for its first time-out."""
        return self._tries > 1

    def heard(self, now: float) -> bool:
        """Note an authentic datagram; tell whether it ends a doubt, so that all that was sent may be lost."""
        self.heard_at = now
        doubted = self.is_doubtful
        if self._tries:
            self._tries = 0
            self.sent(now)
        return doubted

    def sent(self, now: float) -> None:
        """Note that something was sent: no ping is needed for a while."""
        if not self._tries:
            self.due_at = now + self._ping_seconds * (0.9 + 0.2 * self._random(1)[0] / 255)

    def doubt(self, now: float) -> None:
        """Ping at once, if the server has been silent: something was not answered."""
        if not self._tries and now - self.heard_at >= DOUBT_AFTER:
            self.due_at = now

    def poke(self, now: float) -> None:
        """Ping at once: the machine was asleep, or its network has changed."""
        if not self._tries:
            self.due_at = now

    def handle_timer(self, now: float) -> Ping | None:
        """Return the PING that is due, if any; sets `lost` when the last one was not answered."""
        if self.due_at > now or self.lost:
            return None
        if self._tries > len(PING_RETRY_AFTER) - 1:
            self.lost = True
            return None
        if not self._tries:
            self._nonce = self._random(8)
        self.due_at = now + PING_RETRY_AFTER[self._tries]
        self._tries += 1
        return Ping(self._nonce)
